-- G-single, read skew
--
-- Alice adds up the list, row by row. Bob moves two from row 2 to row 1 meanwhile, so the sum is 30 at every
-- moment. What sum does she come to?
--
-- afterwards:
-- Possible at READ COMMITTED: Alice reads row 1 before Bob and row 2 after him, and comes to 28.
--
-- Prevented at REPEATABLE READ and SERIALIZABLE: Alice reads both rows from one snapshot, and comes to 30.
--
-- sessions: Alice, Bob
-- watch: prices
-- source: https://github.com/ept/hermitage
-- isolation: read committed, repeatable read, serializable

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

-- Alice: reads row 1
select price from prices
where id = 1;
--> 10

-- Bob: reads row 1
select price from prices
where id = 1;
--> 10

-- Bob: reads row 2
select price from prices
where id = 2;
--> 20

-- Bob: adds two to row 1
update prices set price = 12
where id = 1;
--> UPDATE 1

-- Bob: takes two from row 2
update prices set price = 18
where id = 2;
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- Alice: reads row 2
select price from prices
where id = 2;
--> at read committed: 18
--> at repeatable read, serializable: 20

-- Alice: commits
commit;
--> COMMIT
--> explore: read skew is possible at read committed
--> explore: anomaly is not possible at repeatable read and serializable
