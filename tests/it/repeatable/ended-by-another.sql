-- Ended by another
--
-- sessions: A, B
-- engines: postgres
-- setup
create table t (id int primary key);

-- B: begins
begin; insert into t values (1);

-- A: ends it
select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'overbooked/B' and pid <> pg_backend_pid();

-- A: looks
select count(*) from t;
