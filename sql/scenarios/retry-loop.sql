-- Try, try again
--
-- 40001 is not a failure. It says: this transaction did not happen, nothing is left of it, and if you do it again
-- from the start it will probably succeed. So if you work at REPEATABLE READ or above, or on an optimistic engine,
-- you write a loop around the whole transaction: begin, read, decide, write, commit; on 40001, all of it again,
-- including the reads.
--
-- Bob buys programmes for his group. At which statement will he be refused, and what does he read the second time?
--
-- afterwards:
-- PostgreSQL refuses him at the UPDATE, the optimistic engine at COMMIT. The second time round he reads the new
-- number and decides again.
--
-- sessions: Alice, Bob
-- watch: stock
-- isolation: repeatable read

-- setup
create table stock (
    item      text primary key,
    left_over int not null
);

insert into stock (item, left_over) values ('programme', 10);

-- Bob: begins
begin;
--> BEGIN

-- Bob: reads the stock
select left_over from stock
where item = 'programme';
--> 10

-- Alice: sells three meanwhile
update stock set left_over = left_over - 3
where item = 'programme';
--> UPDATE 1

-- Bob: takes all ten
update stock set left_over = 0
where item = 'programme';
--> postgres: ERROR 40001 could not serialize access due to concurrent update
--> optimistic: UPDATE 1

-- Bob: commits
commit;
--> postgres: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- Bob: begins again
begin;
--> BEGIN

-- Bob: reads the stock again
select left_over from stock
where item = 'programme';
--> 7

-- Bob: takes all seven
update stock set left_over = 0
where item = 'programme';
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select left_over from stock
where item = 'programme';
--> 0
--> explore: anomaly is possible at read committed, not at repeatable read, serializable
--> explore: 40001 is possible at repeatable read
