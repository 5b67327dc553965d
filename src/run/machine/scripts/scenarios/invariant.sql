-- What must always hold
--
-- sessions: Alice, Bob
-- invariant: select count(*) = 1 from seats

-- Alice: looks
select 1;

-- finally
select seat from seats;
