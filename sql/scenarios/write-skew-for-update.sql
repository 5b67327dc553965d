-- One usher stays, with FOR UPDATE
--
-- The house has one rule: at least one usher stays on call. This time Alice and Bob lock every row that they base
-- their decision on. Who stays?
--
-- afterwards:
-- Bob's SELECT has to wait for Alice's transaction, and then shows him that he is the last. What was only read is
-- now treated as if it were written, and so it also helps where only writes are judged: on the optimistic engine
-- both read at once, and Bob, who commits second, is refused at COMMIT.
--
-- sessions: Alice, Bob
-- watch: ushers
-- isolation: read committed

-- setup
create table ushers (
    name    text primary key,
    on_call boolean not null
);

insert into ushers (name, on_call) values ('Alice', true), ('Bob', true);

-- Alice: begins
begin;
--> BEGIN

-- Alice: reads who is on call, and locks the rows
select name from ushers
where on_call
order by name
for update;
--> Alice
--> Bob

-- Bob: begins
begin;
--> BEGIN

-- Bob: reads who is on call, and wants to lock the rows
select name from ushers
where on_call
order by name
for update;
--> postgres: waits for Alice
--> optimistic: Alice
--> optimistic: Bob

-- Alice: goes home, since Bob is there
update ushers set on_call = false
where name = 'Alice';
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT
--> postgres: Bob resumes: Bob
--> postgres: Bob resumes: (1 row)

-- Bob: goes home, unless he is the last
update ushers set on_call = false
where name = 'Bob' and exists (select from ushers where on_call and name <> 'Bob');
--> postgres: UPDATE 0
--> optimistic: UPDATE 1

-- Bob: commits
commit;
--> postgres: COMMIT
--> optimistic: ERROR 40001 (OC000)

-- finally
select name from ushers where on_call;
--> Bob
--> explore: anomaly is not possible at read committed
