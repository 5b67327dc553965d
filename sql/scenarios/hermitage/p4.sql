-- P4, lost update
--
-- Alice and Bob both read a price of 10 and write it back one higher. Two raises of one should make 12. Do they?
--
-- afterwards:
-- Possible at READ COMMITTED: Bob waits for Alice, and then writes 11 over her 11. Both commit, and one raise is
-- lost.
--
-- Prevented at REPEATABLE READ and SERIALIZABLE: Bob waits for Alice and is then refused, and can raise the price
-- again from 11. The optimistic engine refuses him at COMMIT.
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

-- Alice: reads row 1
select price from prices
where id = 1;
--> 10

-- Bob: reads row 1
select price from prices
where id = 1;
--> 10

-- Alice: writes one more
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Bob: writes one more
update prices set price = 11
where id = 1;
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> at read committed: Bob resumes: UPDATE 1
--> postgres at repeatable read, serializable: Bob resumes: ERROR 40001 due to concurrent update

-- Bob: commits
commit;
--> at read committed: COMMIT
--> postgres at repeatable read, serializable: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select price from prices
where id = 1;
--> 11
--> explore: lost update is possible at read committed
--> explore: anomaly is not possible at repeatable read and serializable
