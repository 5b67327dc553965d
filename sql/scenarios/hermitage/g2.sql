-- G2, anti-dependency cycle
--
-- There must be at most one price that three can share. Alice and Bob both look, find none, and each adds one. How
-- many such prices will there be?
--
-- afterwards:
-- Possible at READ COMMITTED and REPEATABLE READ: they insert different rows, nobody is in anybody's way, and there
-- are two. Neither snapshot shows the other's row, and no row was written twice, so the optimistic engine lets this
-- through as well.
--
-- Prevented at SERIALIZABLE: each has looked where the other wrote. Whoever commits second is refused.
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
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- finally
select count(*) from prices
where price % 3 = 0;
--> at read committed, repeatable read: 2
--> at serializable: 1
--> explore: write skew is possible at read committed and repeatable read
--> explore: anomaly is not possible at serializable
