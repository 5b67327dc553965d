-- Three buyers, one ticket
--
-- One ticket is left. Alice, Bob and Mallory each see that nobody has it, and each buys it: with a single INSERT that
-- looks once more, and writes only if there is still no buyer. Looking and buying are one statement, so what could
-- come in between?
--
-- Their steps can be sent in 34,650 orders. In how many of these is the ticket sold once? And can it be sold three
-- times?
--
-- afterwards:
-- One statement is not one moment. It sees the snapshot that was taken when it began, and in that snapshot the
-- others have bought nothing until they commit. They write three different rows, so nobody waits for anybody. READ
-- COMMITTED and REPEATABLE READ let all three through, and so does the optimistic engine, which judges what was
-- written and not what was read.
--
-- At SERIALIZABLE, PostgreSQL notes what each of them has read, and that the others have changed it: one buyer
-- is left. A unique key on the ticket, or a row to lock, would do the same at every level.
--
-- sessions: Alice, Bob, Mallory
-- watch: sales
-- isolation: read committed, repeatable read, serializable

-- setup
create table sales (
    buyer text primary key
);

-- Alice: begins
begin;
--> BEGIN

-- Alice: sees that nobody has the ticket
select count(*) from sales;
--> 0

-- Bob: begins
begin;
--> BEGIN

-- Bob: sees that nobody has it
select count(*) from sales;
--> 0

-- Mallory: begins
begin;
--> BEGIN

-- Mallory: sees that nobody has it
select count(*) from sales;
--> 0

-- Alice: buys it, if there is still no buyer
insert into sales
select 'Alice' where not exists (select from sales);
--> INSERT 0 1

-- Bob: buys it, if there is still no buyer
insert into sales
select 'Bob' where not exists (select from sales);
--> INSERT 0 1

-- Mallory: buys it, if there is still no buyer
insert into sales
select 'Mallory' where not exists (select from sales);
--> INSERT 0 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- Mallory: commits
commit;
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- finally
select count(*) from sales;
--> at read committed, repeatable read: 3
--> at serializable: 1
--> explore: anomaly possible at read committed, repeatable read, not at serializable
