-- G2-item, write skew
--
-- The two prices together must not exceed 31. Alice and Bob both read both prices, find a sum of 30, and each
-- raises a different one by 1. What will the sum be?
--
-- afterwards:
-- Possible at READ COMMITTED and REPEATABLE READ: they write different rows, nobody is in anybody's way, and the
-- sum is 32. A snapshot is no help, since no row was written twice. The optimistic engine judges what was written,
-- so it lets this through as well.
--
-- Prevented at SERIALIZABLE: each has read what the other wrote. Whoever commits second is refused.
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

-- Alice: reads both
select id, price from prices
where id in (1, 2)
order by id;
--> 1 | 10
--> 2 | 20

-- Bob: reads both
select id, price from prices
where id in (1, 2)
order by id;
--> 1 | 10
--> 2 | 20

-- Alice: raises row 1
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Bob: raises row 2
update prices set price = 21
where id = 2;
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- finally
select sum(price) from prices;
--> at read committed, repeatable read: 32
--> at serializable: 31
--> explore: write skew is possible at read committed and repeatable read
--> explore: anomaly is not possible at serializable
