-- OTV, a transaction seen to vanish, at SERIALIZABLE
--
-- Alice rewrites both prices, and Bob after her. Mallory reads. Once she has seen a price of Bob's, Alice's must not
-- come back.
--
-- Prevented: Bob is refused, and Mallory's snapshot stays with Alice's list in any case.
--
-- sessions: Alice, Bob, Mallory
-- watch: prices
-- source: https://github.com/ept/hermitage
-- isolation: serializable
-- engines: postgres

-- setup
create table prices (
    id    int primary key,
    price int not null
);

insert into prices (id, price) values (1, 10), (2, 20);

-- Alice: begins
begin;
--> BEGIN

-- Bob: begins
begin;
--> BEGIN

-- Mallory: begins
begin;
--> BEGIN

-- Alice: writes row 1
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Alice: writes row 2
update prices set price = 19
where id = 2;
--> UPDATE 1

-- Bob: writes row 1
update prices set price = 12
where id = 1;
--> waits for Alice

-- Alice: commits
commit;
--> COMMIT
--> Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Mallory: reads row 1
select price from prices
where id = 1;
--> 11

-- Bob: writes row 2
update prices set price = 18
where id = 2;
--> ERROR 25P02

-- Mallory: reads row 2
select price from prices
where id = 2;
--> 19

-- Bob: commits
commit;
--> ROLLBACK

-- Mallory: reads row 2 again
select price from prices
where id = 2;
--> 19

-- Mallory: reads row 1 again
select price from prices
where id = 1;
--> 11

-- Mallory: commits
commit;
--> COMMIT
