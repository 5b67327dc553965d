-- Two steps, and nothing to set up
--
-- sessions: Alice, Bob

-- Alice: looks
select 1;

-- Bob: looks twice
select 2;
select 3;
