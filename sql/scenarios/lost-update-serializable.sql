-- A lost update, at SERIALIZABLE
--
-- Alice and Bob sell programmes in the foyer, and each keeps the stock in one row: read it, subtract in the head,
-- write the result. Ten programmes lie there; she sells one, he sells two, at the same time.
--
-- To catch this, SERIALIZABLE needs nothing that REPEATABLE READ does not have: both write the same row, so the
-- second writer is refused at the UPDATE.
--
-- sessions: Alice, Bob
-- watch: stock
-- isolation: serializable
-- engines: postgres

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
--> waits for Alice

-- Alice: commits
commit;
--> COMMIT
--> Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Bob: commits
commit;
--> ROLLBACK

-- finally
select left_over from stock
where item = 'programme';
--> 9
