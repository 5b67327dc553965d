-- G0, dirty write
--
-- Alice and Bob both rewrite the whole price list, row 1 and row 2. If their writes mixed, the list would be one
-- that neither of them wrote. What will the list be?
--
-- afterwards:
-- Prevented at every level, because Bob waits for Alice at row 1. At READ COMMITTED he then writes both rows after
-- her, and the list is his. At REPEATABLE READ and SERIALIZABLE he is refused, because row 1 has changed since his
-- snapshot, and the list is hers. The optimistic engine lets him write in private, and refuses him at COMMIT.
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
--> at read committed: Bob resumes: UPDATE 1
--> postgres at repeatable read, serializable: Bob resumes: ERROR 40001 due to concurrent update

-- Bob: writes row 2
update prices set price = 22
where id = 2;
--> at read committed: UPDATE 1
--> postgres at repeatable read, serializable: ERROR 25P02
--> optimistic: UPDATE 1

-- Bob: commits
commit;
--> at read committed: COMMIT
--> postgres at repeatable read, serializable: ROLLBACK
--> optimistic: ERROR 40001 (OC000)

-- finally
select id, price from prices
order by id;
--> at read committed: 1 | 12
--> at read committed: 2 | 22
--> at repeatable read, serializable: 1 | 11
--> at repeatable read, serializable: 2 | 21
--> explore: anomaly is not possible
