-- G1a, aborted read
--
-- Alice tries out a price that she then takes back. Bob must never sell at a price that was never committed. Can
-- he?
--
-- afterwards:
-- Prevented at every level. Even READ COMMITTED shows only what is committed. (In PostgreSQL, READ UNCOMMITTED is
-- the same.) At REPEATABLE READ and SERIALIZABLE Bob's snapshot knows only what was committed when it was taken.
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

-- Alice: tries out a price
update prices set price = 101
where id = 1;
--> UPDATE 1

-- Bob: reads the list
select id, price from prices
order by id;
--> 1 | 10
--> 2 | 20

-- Alice: takes it back
rollback;
--> ROLLBACK

-- Bob: reads it again
select id, price from prices
order by id;
--> 1 | 10
--> 2 | 20

-- Bob: commits
commit;
--> COMMIT
--> explore: anomaly is not possible
