-- Keys and shared rows
--
-- sessions: A, B
-- engines: postgres
-- setup
create table seats (number int primary key, holder text unique);
insert into seats values (1, 'Carol'), (2, null);

-- A: inserts a key
begin;
insert into seats values (3, 'Ann');

-- B: inserts it too
insert into seats values (3, 'Bea');
--> waits for A

-- A: ends
rollback;

-- A: books under a name
begin;
update seats set holder = 'Ann' where number = 2;

-- B: wants that name
insert into seats values (4, 'Ann');
--> waits for A

-- A: ends
rollback;

-- A: shares a row
begin;
select * from seats where number = 1 for share;

-- B: shares it too
begin;
select * from seats where number = 1 for share;

-- A: wants more of it
update seats set holder = 'Ann' where number = 1;
--> waits for B

-- B: ends
commit;

-- A: ends
commit;

-- A: deletes a key
begin;
delete from seats where number = 2;

-- B: inserts it anew
insert into seats values (2, 'Dan') on conflict do nothing;
--> waits for A

-- A: ends
commit;
