-- G2-item, write skew, at REPEATABLE READ
--
-- The two prices together must not exceed 31. Alice and Bob both read both, find 30, and each raises another one by
-- one.
--
-- Possible: each has a snapshot of 30, and no row was written twice. The optimistic engine judges what was written,
-- so it lets this through as well.
--
-- sessions: Alice, Bob
-- watch: prices
-- source: https://github.com/ept/hermitage
-- isolation: repeatable read

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
--> COMMIT

-- finally
select sum(price) from prices;
--> 32
