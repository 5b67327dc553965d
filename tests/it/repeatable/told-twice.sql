-- A row, then its table
--
-- While C wants the whole table, nobody who only looks can read it, and B still waits for the same row.
--
-- sessions: A, B, C, D
-- engines: postgres
-- setup
create table acc (id int primary key, n int);
insert into acc values (1, 0), (2, 0);

-- A: holds
begin; update acc set n = 1 where id = 1;

-- B: waits for the row
update acc set n = 2 where id = 1;
--> waits for A

-- C: waits for the table
alter table acc add column x int;
--> waits for A

-- D: waits behind
update acc set n = 3 where id = 2;
--> waits for C

-- A: sleeps
select pg_sleep(0.3);

-- A: ends
commit;
--> B resumes: UPDATE 1
