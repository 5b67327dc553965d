-- OTV, a transaction seen to vanish
--
-- Alice rewrites both prices, and Bob after her. Mallory reads. Once she has seen a price of Bob's, Alice's must
-- not come back. Can they?
--
-- afterwards:
-- Prevented at every level. At READ COMMITTED Bob waits for Alice, so his prices come after hers in both rows, and
-- Mallory sees them change in that order. At REPEATABLE READ and SERIALIZABLE Bob waits and is refused, and
-- Mallory's snapshot, taken when she first reads, stays with Alice's list in any case. The optimistic engine
-- refuses Bob at COMMIT, and shows Mallory the list as it was when she began.
--
-- sessions: Alice, Bob, Mallory
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

-- Mallory: begins
begin;
--> BEGIN

-- Alice: writes row 1
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Alice: writes row 2
update prices set price = 19
where id = 2;
--> UPDATE 1

-- Bob: writes row 1
update prices set price = 12
where id = 1;
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> at read committed: Bob resumes: UPDATE 1
--> postgres at repeatable read, serializable: Bob resumes: ERROR 40001 due to concurrent update

-- Mallory: reads row 1
select price from prices
where id = 1;
--> postgres: 11
--> optimistic: 10

-- Bob: writes row 2
update prices set price = 18
where id = 2;
--> at read committed: UPDATE 1
--> postgres at repeatable read, serializable: ERROR 25P02
--> optimistic: UPDATE 1

-- Mallory: reads row 2
select price from prices
where id = 2;
--> postgres: 19
--> optimistic: 20

-- Bob: commits
commit;
--> at read committed: COMMIT
--> postgres at repeatable read, serializable: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- Mallory: reads row 2 again
select price from prices
where id = 2;
--> at read committed: 18
--> postgres at repeatable read, serializable: 19
--> optimistic: 20

-- Mallory: reads row 1 again
select price from prices
where id = 1;
--> at read committed: 12
--> postgres at repeatable read, serializable: 11
--> optimistic: 10

-- Mallory: commits
commit;
--> COMMIT
--> explore: non-repeatable read is possible at read committed
--> explore: anomaly is not possible at repeatable read and serializable
