-- A lost update
--
-- Alice and Bob sell programmes in the foyer, and the stock is one row: read it, subtract in your head, write the
-- result. Ten programmes lie there; she sells one, he sells two, at the same time.
--
-- How many programmes are left, and how many will the row say?
--
-- afterwards:
-- At READ COMMITTED Bob's UPDATE waits for Alice's, and then writes down what he worked out before she had sold
-- anything. Her sale is gone, and nobody is told.
--
-- At REPEATABLE READ Bob's UPDATE waits for Alice's too, and then is refused: the row is no longer the one that his
-- snapshot shows. He has to read again and work it out anew, which is exactly right. SERIALIZABLE needs nothing
-- more to catch this: both write the same row, so the second writer is refused at the UPDATE. The optimistic engine
-- refuses him at COMMIT.
--
-- sessions: Alice, Bob
-- watch: stock
-- isolation: read committed, repeatable read, serializable

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
--> at read committed: Bob resumes: UPDATE 1
--> postgres at repeatable read, serializable: Bob resumes: ERROR 40001 due to concurrent update

-- Bob: commits
commit;
--> at read committed: COMMIT
--> postgres at repeatable read, serializable: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select left_over from stock
where item = 'programme';
--> at read committed: 8
--> at repeatable read, serializable: 9
--> explore: lost update is possible at read committed, not at repeatable read and serializable
--> explore: anomaly is not possible at repeatable read and serializable
