-- What the server logs of a wait
--
-- It names processes and transactions by number, and says how long it took.
--
-- sessions: A, B
-- engines: postgres
-- setup
create table t (id int primary key);
insert into t values (1);

-- A: holds
begin;
select * from t for update;

-- B: wants to hear of it
set log_lock_waits = on;
set deadlock_timeout = '10ms';
set lock_timeout = '500ms';
set client_min_messages = log;

-- B: waits for a while
update t set id = id;
--> LOG 00000: process
--> waits for A, then ERROR 55P03

-- B: hears how long a statement takes
set log_duration = on;
select 1;
--> LOG 00000: duration
--> 1
