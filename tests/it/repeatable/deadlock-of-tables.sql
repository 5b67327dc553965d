-- A deadlock of tables
--
-- The server names relations and advisory locks by number.
--
-- sessions: A, B
-- engines: postgres
-- setup
create table one (id int);
create table two (id int);

-- A: is patient
set deadlock_timeout = '1min';

-- A: locks one
begin; lock table one;

-- B: locks two
begin; lock table two;

-- A: wants two
lock table two;
--> waits for B

-- B: wants one
lock table one;
--> ERROR 40P01
--> A resumes: LOCK TABLE

-- B: ends
rollback;

-- A: ends
rollback;

-- A: takes 7
begin; select pg_advisory_xact_lock(7);

-- B: takes 8
begin; select pg_advisory_xact_lock(8, 9);

-- A: wants 8
select pg_advisory_xact_lock(8, 9);
--> waits for B

-- B: wants 7
select pg_advisory_xact_lock(7);
--> ERROR 40P01
