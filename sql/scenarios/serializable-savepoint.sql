-- A refusal that was swallowed
--
-- At least one usher stays on call, and everything is SERIALIZABLE. Alice sees that Bob is there, and goes home. Bob
-- writes himself off first and looks then, behind a savepoint, because a look may fail. It does: 40001.
--
-- His program takes this for a look that came to nothing, rolls back to the savepoint and commits. What will COMMIT
-- say?
--
-- afterwards:
-- COMMIT, and nobody is on call. 40001 is the verdict on the whole transaction, but PostgreSQL refuses the statement
-- that would have completed the dangerous picture. With the statement rolled back Bob has read nothing,
-- and what he has written is in nobody's way. He commits over a question that was never answered: one after another,
-- he would have been told 0, or Alice would have been told 1.
--
-- So nothing may catch 40001 but what repeats the whole transaction. A block with EXCEPTION in PL/pgSQL, psql's
-- ON_ERROR_ROLLBACK and the nested transactions of many a library are savepoints too.
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

-- Bob: writes himself off
update ushers set on_call = false
where name = 'Bob';
--> UPDATE 1

-- Alice: goes home, since Bob is there
update ushers set on_call = false
where name = 'Alice';
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: sets a savepoint
savepoint before_looking;
--> SAVEPOINT

-- Bob: looks who is left
select count(*) from ushers where on_call;
--> ERROR 40001 could not serialize access due to read/write dependencies

-- Bob: rolls back to the savepoint
rollback to savepoint before_looking;
--> ROLLBACK

-- Bob: commits all the same
commit;
--> COMMIT

-- finally
select name from ushers where on_call;
--> (0 rows)
--> explore: anomaly is possible
