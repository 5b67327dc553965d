-- G0, dirty write, at READ COMMITTED
--
-- Alice and Bob both rewrite the whole price list, row 1 and row 2. If their writes mixed, the list would be one that
-- neither of them wrote.
--
-- Prevented: Bob waits for Alice at row 1, and so writes both rows after her. The list is Bob's.
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

-- Alice: writes row 1
update prices set price = 11
where id = 1;
--> UPDATE 1

-- Bob: writes row 1
update prices set price = 12
where id = 1;
--> waits for Alice

-- Alice: writes row 2
update prices set price = 21
where id = 2;
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> Bob resumes: UPDATE 1

-- Bob: writes row 2
update prices set price = 22
where id = 2;
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select id, price from prices
order by id;
--> 1 | 12
--> 2 | 22
