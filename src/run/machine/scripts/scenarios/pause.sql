-- A pause between two steps
--
-- sessions: Alice

-- Alice: looks
select 1;

-- pause 300 ms

-- Alice: looks again
select 2;
