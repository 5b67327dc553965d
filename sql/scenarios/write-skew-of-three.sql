-- Three ushers with a cold
--
-- The house has one rule: at least one usher stays on call. Alice, Bob and Carol are on call, and all three have a
-- cold. Two of them may go; the third may not. Each counts, and goes home only if somebody else is still there: the
-- UPDATE itself has the condition.
--
-- Who stays?
--
-- afterwards:
-- At READ COMMITTED and at REPEATABLE READ nobody. Any two of them could have gone, but each of the three counted
-- on colleagues who were just leaving.
--
-- SERIALIZABLE lets Alice go and refuses the others. Had they come one after another, Bob could have gone as well:
-- the database refuses rather too many than too few, and whoever is refused tries again.
--
-- sessions: Alice, Bob, Carol
-- watch: ushers
-- isolation: repeatable read, read committed, serializable

-- setup
create table ushers (
    name    text primary key,
    on_call boolean not null
);

insert into ushers (name, on_call) values ('Alice', true), ('Bob', true), ('Carol', true);

-- Alice: begins
begin;
--> BEGIN

-- Alice: counts who is on call
select count(*) from ushers where on_call;
--> 3

-- Bob: begins
begin;
--> BEGIN

-- Bob: counts who is on call
select count(*) from ushers where on_call;
--> 3

-- Carol: begins
begin;
--> BEGIN

-- Carol: counts who is on call
select count(*) from ushers where on_call;
--> 3

-- Alice: goes home, if somebody else is there
update ushers set on_call = false
where name = 'Alice' and 1 < (select count(*) from ushers where on_call);
--> UPDATE 1

-- Bob: goes home, if somebody else is there
update ushers set on_call = false
where name = 'Bob' and 1 < (select count(*) from ushers where on_call);
--> UPDATE 1

-- Carol: goes home, if somebody else is there
update ushers set on_call = false
where name = 'Carol' and 1 < (select count(*) from ushers where on_call);
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- Carol: commits
commit;
--> at read committed, repeatable read: COMMIT
--> at serializable: ERROR 40001 could not serialize access due to read/write dependencies

-- finally
select name from ushers where on_call
order by name;
--> at read committed, repeatable read: (0 rows)
--> at serializable: Bob
--> at serializable: Carol
--> explore: anomaly possible at read committed, repeatable read, not at serializable
