-- Two ushers with a cold
--
-- The house has one rule: at least one usher stays on call. Alice and Bob are both on call, and both have a cold.
-- Each checks who else is there, sees the other, and goes home.
--
-- Who stays? Nobody waits for anybody here: they change different rows.
--
-- afterwards:
-- At REPEATABLE READ nobody stays. Neither has done anything wrong. They changed different rows, so nobody waited
-- and nobody wrote over anybody; but each acted on what the other was just changing. That is write skew, and a
-- snapshot does not protect against it: not PostgreSQL's, and not the optimistic engine, which looks only at what
-- was written.
--
-- At SERIALIZABLE the database notes what each of them has read. Alice read Bob's row, which he changes; Bob read
-- hers, which she changes. So each would have to come before the other, and since that cannot be, the second COMMIT
-- is refused. Nobody had to wait; Bob begins again, sees that he is the last, and stays.
--
-- sessions: Alice, Bob
-- watch: ushers
-- isolation: repeatable read, serializable

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
--> at repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- Bob: begins again
begin;
--> BEGIN

-- Bob: counts who is on call, and sneezes
select count(*) from ushers where on_call;
--> at repeatable read: 0
--> at serializable: 1

-- Bob: stays
commit;
--> COMMIT

-- finally
select name from ushers where on_call;
--> at repeatable read: (0 rows)
--> at serializable: Bob
--> explore: write skew is possible at read committed, repeatable read, not at serializable
--> explore: anomaly is not possible at serializable
