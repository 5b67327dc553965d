-- P4, lost update, at READ COMMITTED
--
-- Alice and Bob both read a price of 10 and write it back one higher. Two raises of one should make 12.
--
-- Possible: Bob waits for Alice, and then writes 11 over her 11. Both commit, and one raise is lost.
--
-- sessions: Alice, Bob
-- watch: prices
-- source: https://github.com/ept/hermitage
-- isolation: read committed
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
--> Bob resumes: UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select price from prices
where id = 1;
--> 11
