-- P4, lost update, at SERIALIZABLE
--
-- Alice and Bob both read a price of 10 and write it back one higher. Two raises of one should make 12.
--
-- Prevented: Bob waits for Alice and is then refused.
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
--> waits for Alice

-- Alice: commits
commit;
--> COMMIT
--> Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Bob: commits
commit;
--> ROLLBACK

-- finally
select price from prices
where id = 1;
--> 11
