-- What is gone by the time
--
-- The server speaks of what it cannot find any more by number.
--
-- sessions: A, B
-- engines: postgres
-- setup
create table t (id int primary key);
create table u (id int references t);
create function f() returns int language sql as 'select 1';

-- A: drops a table
begin; drop table u; drop function f();

-- B: reads the table
select * from u;
--> waits for A

-- A: ends
commit;

-- B: makes a table for itself
create temp table mine (id int primary key);

-- B: makes it twice
create temp table mine (id int primary key);

-- B: breaks its key
insert into mine values (1), (1);

-- B: drops what others need
create table v (id int references t); drop table t;

-- B: drops it all
drop table t cascade;

-- B: says the schema's name
do $$ begin raise exception 'in %', current_schema(); end $$;
