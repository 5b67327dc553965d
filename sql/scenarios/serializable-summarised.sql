-- More than the server remembers
--
-- Write skew at SERIALIZABLE is refused, however long the second one takes: Alice counts who is on call, Bob counts
-- and goes home, and hours later Alice goes home as well and is told 40001.
--
-- In those hours the box office sells tickets, fifteen hundred of them, each in a small transaction of its own.
-- They have nothing to do with ushers. Will Alice still be refused?
--
-- afterwards:
-- She is not, and nobody is on call. While an old transaction runs, the server must remember all that have
-- committed since, and it has room for so many: ten for each connection, worker and prepared transaction that its
-- settings allow. When that is full it merges the oldest into a summary, which keeps their locks and no longer who
-- was in conflict with whom. PostgreSQL 15 misses a conflict that it knew before.
--
-- Here there is room for 2,320; a server with a larger max_connections forgets later, and Alice is refused as she
-- should be. So keep serializable transactions short, above all the ones that read first and write late.
--
-- sessions: Alice, Bob, Clerk
-- watch: ushers
-- isolation: serializable
-- engines: postgres

-- setup
create table ushers (
    name    text primary key,
    on_call boolean not null
);

insert into ushers (name, on_call) values ('Alice', true), ('Bob', true);

create table sales (
    ticket int primary key
);

-- Alice: begins
begin;
--> BEGIN

-- Alice: counts who is on call
select count(*) from ushers where on_call;
--> 2

-- Bob: begins
begin;
--> BEGIN

-- Bob: goes home, if somebody else is there
update ushers set on_call = false
where name = 'Bob' and 1 < (select count(*) from ushers where on_call);
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- Clerk: sells 2,500 tickets, one after another
do $$
begin
    for ticket in 1..2500 loop
        insert into sales values (ticket);
        commit;
    end loop;
end $$;
--> DO

-- Alice: goes home, if somebody else is there
update ushers set on_call = false
where name = 'Alice' and 1 < (select count(*) from ushers where on_call);
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- finally
select name from ushers where on_call;
--> (0 rows)
--> explore: anomaly possible at serializable
