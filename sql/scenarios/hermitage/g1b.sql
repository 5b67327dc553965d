-- G1b, intermediate read
--
-- Alice mistypes a price and corrects it before she commits. Bob must never see the price that was only there in
-- between. Can he?
--
-- afterwards:
-- Prevented at every level. At READ COMMITTED Bob sees the old price, and after Alice's COMMIT the new one; never
-- the one in between. At REPEATABLE READ and SERIALIZABLE he sees the old price throughout.
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

-- Alice: mistypes a price
update prices set price = 101
where id = 1;
--> UPDATE 1

-- Bob: reads the list
select id, price from prices
order by id;
--> 1 | 10
--> 2 | 20

-- Alice: corrects it
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: reads it again
select id, price from prices
order by id;
--> at read committed: 1 | 11
--> at repeatable read, serializable: 1 | 10
--> 2 | 20

-- Bob: commits
commit;
--> COMMIT
--> explore: non-repeatable read is possible at read committed
--> explore: anomaly is not possible at repeatable read and serializable
