-- G0, dirty write, at REPEATABLE READ
--
-- Alice and Bob both rewrite the whole price list, row 1 and row 2. If their writes mixed, the list would be one that
-- neither of them wrote.
--
-- Prevented: Bob waits for Alice and is then refused, because row 1 has changed since his snapshot. The optimistic
-- engine lets him write in private, and refuses him at COMMIT.
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

-- Alice: writes row 1
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Bob: writes row 1
update prices set price = 12
where id = 1;
--> postgres: waits for Alice
--> optimistic: UPDATE 1

-- Alice: writes row 2
update prices set price = 21
where id = 2;
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: ERROR 40001 could not serialize access due to concurrent update

-- Bob: writes row 2
update prices set price = 22
where id = 2;
--> postgres: ERROR 25P02
--> optimistic: UPDATE 1

-- Bob: commits
commit;
--> postgres: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select id, price from prices
order by id;
--> 1 | 11
--> 2 | 21
