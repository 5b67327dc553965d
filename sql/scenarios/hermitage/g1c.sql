-- G1c, circular information flow
--
-- Alice changes one price and reads the other, Bob the other way round. If each saw the other's change, each would
-- have come before the other. Can each have seen the other's change?
--
-- afterwards:
-- Prevented at every level: neither sees what the other has not committed. That neither saw the other is itself a
-- write skew, and READ COMMITTED and REPEATABLE READ allow that one, as the optimistic engine does. SERIALIZABLE
-- does not: no order of the two explains it, and Bob is refused.
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
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies
--> explore: write skew is possible at read committed and repeatable read
--> explore: anomaly is not possible at serializable
