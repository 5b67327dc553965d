-- Waits for types and functions
--
-- sessions: A, B
-- engines: postgres
-- setup
create type color as enum ('red');
create function seats_left() returns int language sql as 'select 1';

-- A: replaces the function
begin;
create or replace function seats_left() returns int language sql as 'select 2';

-- B: replaces it too
create or replace function seats_left() returns int language sql as 'select 3';
--> waits for A

-- A: ends
rollback;

-- A: drops the type
begin;
drop type color;

-- B: uses it
create table painted (c color);
--> waits for A

-- A: ends
rollback;
