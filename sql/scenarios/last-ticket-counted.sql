-- The last ticket, counted
--
-- The pit has no numbered places: there is room for three, and two tickets are sold. Alice counts, finds room and
-- buys; Bob does the same. They write two different rows, so there is nothing to wait for and no row that both have
-- changed. How many tickets will be sold?
--
-- afterwards:
-- READ COMMITTED and REPEATABLE READ let both through, and so does the optimistic engine, which judges what was
-- written and not what was read. SERIALIZABLE remembers what each of them has read, and sees that no order of the
-- two explains it: 40001.
--
-- sessions: Alice, Bob
-- watch: pit
-- isolation: serializable, read committed, repeatable read

-- setup
create table pit (
    sold_to text primary key
);

insert into pit (sold_to) values ('Carol'), ('Oscar');

-- Alice: begins
begin;
--> BEGIN

-- Alice: counts how many places are taken
select count(*) from pit;
--> 2

-- Bob: begins
begin;
--> BEGIN

-- Bob: counts how many places are taken
select count(*) from pit;
--> 2

-- Alice: buys the third
insert into pit (sold_to) values ('Alice');
--> INSERT 0 1

-- Bob: buys the third
insert into pit (sold_to) values ('Bob');
--> INSERT 0 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- finally
select count(*) from pit;
--> at read committed, repeatable read: 4
--> at serializable: 3
--> explore: write skew is possible at read committed and repeatable read, not at serializable
--> explore: anomaly is not possible at serializable
