-- One goes on while another acts
--
-- sessions: Alice, Bob

-- Alice: counts
select slow();
--> running

-- Bob: looks
select 1;
