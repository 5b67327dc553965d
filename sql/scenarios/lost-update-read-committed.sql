-- A lost update, at READ COMMITTED
--
-- Alice and Bob sell programmes in the foyer, and each keeps the stock in one row: read it, subtract in the head,
-- write the result. Ten programmes lie there; she sells one, he sells two, at the same time.
--
-- Bob's UPDATE waits for Alice's, as it should, and then writes down what he worked out before she had sold anything.
-- Her sale is gone, and nobody is told. How many programmes are left, and how many does the row say?
--
-- sessions: Alice, Bob
-- watch: stock
-- isolation: read committed
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
--> Bob resumes: UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select left_over from stock
where item = 'programme';
--> 8
