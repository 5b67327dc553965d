-- The ushers who both went home, at REPEATABLE READ
--
-- The house has one rule: at least one usher stays on call. Alice and Bob are both on call, and both have a cold.
-- Each looks who else is there, sees the other one, and goes home.
--
-- Neither has done anything wrong. They changed different rows, so nobody waited and nobody wrote over anybody; but
-- each acted on what the other was just changing. That is write skew, and a snapshot does not protect from it: not
-- PostgreSQL's REPEATABLE READ, and not the optimistic engine, which looks only at what was written.
--
-- sessions: Alice, Bob
-- watch: ushers
-- isolation: repeatable read

-- setup
create table ushers (
    name    text primary key,
    on_call boolean not null
);

insert into ushers (name, on_call) values ('Alice', true), ('Bob', true);

-- Alice: begins
begin;
--> BEGIN

-- Alice: counts who is on call
select count(*) from ushers where on_call;
--> 2

-- Bob: begins
begin;
--> BEGIN

-- Bob: counts who is on call
select count(*) from ushers where on_call;
--> 2

-- Alice: goes home, since Bob is there
update ushers set on_call = false
where name = 'Alice';
--> UPDATE 1

-- Bob: goes home, since Alice is there
update ushers set on_call = false
where name = 'Bob';
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> COMMIT

-- finally
select count(*) from ushers where on_call;
--> 0
