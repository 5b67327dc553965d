-- G2, anti-dependency cycle, at REPEATABLE READ
--
-- There must be at most one price that three can share. Alice and Bob both look, find none, and each adds one.
--
-- Possible: neither snapshot shows the other's row, and no row was written twice. The optimistic engine lets this
-- through as well.
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
--> COMMIT

-- finally
select count(*) from prices
where price % 3 = 0;
--> 2
