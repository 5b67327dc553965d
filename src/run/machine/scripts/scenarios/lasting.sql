-- What is committed in somebody's own table
--
-- sessions: Alice

-- Alice: pays
update public.accounts set amount = 1;

-- Alice: looks
select 1;
