-- Rows without a key
--
-- Where a row lies differs from run to run, and so does its number: it is told by its values.
--
-- sessions: A, B
-- engines: postgres
-- watch: log
-- setup
create table log (msg text, n int);
insert into log values ('first', 1), ('second', 2);
analyze log;

-- A: updates
begin;
update log set n = 9 where msg = 'second';

-- B: wants it
update log set n = 8 where msg = 'second';
--> waits for A

-- A: ends
commit;

-- A: again
begin;
update log set n = 7 where msg = 'first';

-- B: wants it
delete from log where msg = 'first';
--> waits for A

-- A: ends
commit;
