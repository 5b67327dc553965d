-- G1c, circular information flow, at REPEATABLE READ
--
-- Alice changes one price and reads the other, Bob the other way round. If each saw the other's change, each would
-- have come before the other.
--
-- Prevented: each reads from a snapshot of before. That neither saw the other is a write skew, which this level
-- allows.
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

-- Alice: changes row 1
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Bob: changes row 2
update prices set price = 22
where id = 2;
--> UPDATE 1

-- Alice: reads row 2
select price from prices
where id = 2;
--> 20

-- Bob: reads row 1
select price from prices
where id = 1;
--> 10

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> COMMIT
