-- A wait that is over before anybody looks
--
-- Whether a wait of a millisecond is seen is chance; what is told of it is not.
--
-- sessions: A, B
-- engines: postgres
-- setup
create table t (id int primary key);
insert into t values (1);

-- A: holds
begin;
select * from t for update;

-- B: sets
set lock_timeout = '1ms';

-- B: tries
update t set id = id;
--> ERROR 55P03

-- B: tries again
update t set id = id;
--> waits for A, then ERROR 55P03
