-- G2, anti-dependency cycle, at SERIALIZABLE
--
-- There must be at most one price that three can share. Alice and Bob both look, find none, and each adds one.
--
-- Prevented: each has looked where the other wrote. Whoever commits second is refused.
--
-- sessions: Alice, Bob
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

-- Alice: looks for prices that three can share
select id, price from prices
where price % 3 = 0;
--> (0 rows)

-- Bob: looks for prices that three can share
select id, price from prices
where price % 3 = 0;
--> (0 rows)

-- Alice: adds one
insert into prices (id, price) values (3, 30);
--> INSERT 0 1

-- Bob: adds one
insert into prices (id, price) values (4, 42);
--> INSERT 0 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> ERROR 40001 could not serialize access due to read/write dependencies

-- finally
select count(*) from prices
where price % 3 = 0;
--> 1
