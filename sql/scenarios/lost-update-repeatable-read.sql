-- A lost update, at REPEATABLE READ
--
-- Alice and Bob sell programmes in the foyer, and each keeps the stock in one row: read it, subtract in the head,
-- write the result. Ten programmes lie there; she sells one, he sells two, at the same time.
--
-- Bob's UPDATE waits for Alice's, and then is refused: the row is no longer the one that his snapshot shows. He has
-- to read again and work it out anew, which is exactly right. The optimistic engine refuses him at COMMIT.
--
-- sessions: Alice, Bob
-- watch: stock
-- isolation: repeatable read

-- setup
create table stock (
    item text primary key,
    left_over int not null
);

insert into stock (item, left_over) values ('programme', 10);

-- Alice: begins
begin;
--> BEGIN

-- Alice: reads the stock
select left_over from stock
where item = 'programme';
--> 10

-- Bob: begins
begin;
--> BEGIN

-- Bob: reads the stock
select left_over from stock
where item = 'programme';
--> 10

-- Alice: sells one, and writes 10 - 1
update stock set left_over = 9
where item = 'programme';
--> UPDATE 1

-- Bob: sells two, and writes 10 - 2
update stock set left_over = 8
where item = 'programme';
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Bob: commits
commit;
--> postgres: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select left_over from stock
where item = 'programme';
--> 9
