-- With a teardown
--
-- sessions: Alice, Bob

-- Alice: begins
begin;

-- Bob: looks
select 1;

-- teardown
drop table one;
drop table two;
