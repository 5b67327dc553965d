-- P4, lost update, at REPEATABLE READ
--
-- Alice and Bob both read a price of 10 and write it back one higher. Two raises of one should make 12.
--
-- Prevented: Bob waits for Alice and is then refused. The optimistic engine refuses him at COMMIT.
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
--> postgres: Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Bob: commits
commit;
--> postgres: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select price from prices
where id = 1;
--> 11
