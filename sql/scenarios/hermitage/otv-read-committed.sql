-- OTV, a transaction seen to vanish, at READ COMMITTED
--
-- Alice rewrites both prices, and Bob after her. Mallory reads. Once she has seen a price of Bob's, Alice's must not
-- come back.
--
-- Prevented: Bob waits for Alice, so his prices come after hers in both rows, and Mallory sees them change in that
-- order.
--
-- sessions: Alice, Bob, Mallory
-- watch: prices
-- source: https://github.com/ept/hermitage
-- isolation: read committed
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
--> Bob resumes: UPDATE 1

-- Mallory: reads row 1
select price from prices
where id = 1;
--> 11

-- Bob: writes row 2
update prices set price = 18
where id = 2;
--> UPDATE 1

-- Mallory: reads row 2
select price from prices
where id = 2;
--> 19

-- Bob: commits
commit;
--> COMMIT

-- Mallory: reads row 2 again
select price from prices
where id = 2;
--> 18

-- Mallory: reads row 1 again
select price from prices
where id = 1;
--> 12

-- Mallory: commits
commit;
--> COMMIT
