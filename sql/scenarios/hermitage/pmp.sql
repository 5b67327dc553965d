-- PMP, predicate-many-preceders
--
-- Alice asks twice for all prices of a kind. In between, Bob adds one of that kind and commits. Does the second
-- question find it?
--
-- afterwards:
-- Possible at READ COMMITTED: the second query finds a row that the first did not.
--
-- Prevented at REPEATABLE READ and SERIALIZABLE: both queries are answered from one snapshot.
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

-- Alice: looks for prices of 30
select id, price from prices
where price = 30;
--> (0 rows)

-- Bob: adds one
insert into prices (id, price) values (3, 30);
--> INSERT 0 1

-- Bob: commits
commit;
--> COMMIT

-- Alice: looks for prices that three can share
select id, price from prices
where price % 3 = 0;
--> at read committed: 3 | 30
--> at repeatable read, serializable: (0 rows)

-- Alice: commits
commit;
--> COMMIT
--> explore: phantom is possible at read committed
--> explore: anomaly is not possible at repeatable read and serializable
