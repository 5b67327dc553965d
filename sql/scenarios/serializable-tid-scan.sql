-- A look that leaves no trace
--
-- SERIALIZABLE keeps watch by noting what each transaction has read. Alice and Bob are on call, at least one must
-- stay, and each counts before going home; whoever comes second will be refused. Or not?
--
-- These two count block by block, by where the rows are stored, as programs do that work through a large table in
-- pieces.
--
-- afterwards:
-- Both go home, and nobody is refused. A scan of a range of row addresses takes no predicate lock in PostgreSQL 15,
-- so the database does not know that anything was read. EXPLAIN shows which scan it is: Tid Range Scan.
--
-- A sequential scan of the same rows notes the whole table, and Bob is refused. Where correctness hangs on
-- SERIALIZABLE, read by key, or turn such scans off: set enable_tidscan = off.
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

-- Bob: begins
begin;
--> BEGIN

-- Alice: goes home, if somebody else is in the first five blocks
update ushers set on_call = false
where name = 'Alice' and 1 < (
    select count(*) from ushers
    where on_call and ctid >= '(0,0)' and ctid < '(5,0)'
);
--> UPDATE 1

-- Bob: goes home, if somebody else is in the first five blocks
update ushers set on_call = false
where name = 'Bob' and 1 < (
    select count(*) from ushers
    where on_call and ctid >= '(0,0)' and ctid < '(5,0)'
);
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Bob: commits
commit;
--> COMMIT

-- finally
select name from ushers where on_call;
--> (0 rows)
--> explore: anomaly is possible
