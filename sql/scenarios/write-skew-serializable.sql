-- One usher stays, at SERIALIZABLE
--
-- The house has one rule: at least one usher stays on call. Alice and Bob both look who else is there, and both want
-- to go home.
--
-- At SERIALIZABLE the database notes what each of them has read. Alice read Bob's row, which he changes; Bob read
-- hers, which she changes. So each would have to come before the other, and since that cannot be, the second COMMIT
-- is refused. Nobody had to wait; Bob has to begin again, and will then see that he is the last.
--
-- sessions: Alice, Bob
-- watch: ushers
-- isolation: serializable
-- engines: postgres

-- setup
create table ushers (
    name    text primary key,
    on_call boolean not null
);

insert into ushers (name, on_call) values ('Alice', true), ('Bob', true);

-- Alice: begins
begin;
--> BEGIN

-- Alice: counts who is on call
select count(*) from ushers where on_call;
--> 2

-- Bob: begins
begin;
--> BEGIN

-- Bob: counts who is on call
select count(*) from ushers where on_call;
--> 2

-- Alice: goes home, since Bob is there
update ushers set on_call = false
where name = 'Alice';
--> UPDATE 1

-- Bob: goes home, since Alice is there
update ushers set on_call = false
where name = 'Bob';
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> ERROR 40001 could not serialize access due to read/write dependencies

-- Bob: begins again
begin;
--> BEGIN

-- Bob: counts who is on call, and sneezes
select count(*) from ushers where on_call;
--> 1

-- Bob: stays
commit;
--> COMMIT

-- finally
select name from ushers where on_call;
--> Bob
