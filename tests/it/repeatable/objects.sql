-- Waits for what is no table
--
-- sessions: A, B
-- engines: postgres
-- setup
create schema overbooked_stage;
create role overbooked_usher;

-- A: drops the schema
begin;
drop schema overbooked_stage;

-- B: makes a table in it
create table overbooked_stage.t (id int);
--> waits for A

-- A: ends
rollback;

-- B: takes it away again
drop table overbooked_stage.t;

-- A: alters the role
begin;
alter role overbooked_usher connection limit 3;

-- B: alters it too
alter role overbooked_usher connection limit 4;
--> waits for A

-- A: ends
rollback;

-- A: makes a table
begin;
create table made (id int);

-- B: makes it too
create table made (id int);
--> waits for A

-- A: ends
rollback;

-- teardown
drop schema overbooked_stage cascade;
drop role overbooked_usher;
