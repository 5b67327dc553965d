-- Two transfers and an audit
--
-- The box office and the bar keep one till each, with 100 in either. Alice carries 10 from the box office to the bar,
-- and Bob carries 20 the other way. Each takes the money out first and puts it in then, within a transaction.
--
-- Meanwhile the auditor counts, one till after the other. Nobody adds money and nobody takes any. How much will she
-- find?
--
-- afterwards:
-- At READ COMMITTED she counts the box office before Alice took the 10 and the bar after they came: 210. Both
-- numbers were right, each in its own moment. From REPEATABLE READ on she counts in one snapshot, and so
-- on the optimistic engine: 200, in whatever order the steps come.
--
-- And had Alice and Bob carried at the same time? They lock the two tills in opposite orders, so there are orders in
-- which each waits for the other, and one is refused: 40P01. Nothing is lost by that.
--
-- sessions: Alice, Bob, Auditor
-- watch: tills
-- isolation: read committed, repeatable read, serializable
-- invariant: select sum(amount) = 200 from tills

-- setup
create table tills (
    name   text primary key,
    amount int not null
);

insert into tills (name, amount) values ('bar', 100), ('box office', 100);

-- Auditor: begins
begin;
--> BEGIN

-- Auditor: counts the box office
select amount from tills
where name = 'box office';
--> 100

-- Alice: begins
begin;
--> BEGIN

-- Alice: takes 10 out of the box office
update tills set amount = amount - 10
where name = 'box office';
--> UPDATE 1

-- Alice: puts them into the bar
update tills set amount = amount + 10
where name = 'bar';
--> UPDATE 1

-- Alice: commits
commit;
--> COMMIT

-- Auditor: counts the bar
select amount from tills
where name = 'bar';
--> at read committed: 110
--> at repeatable read, serializable: 100

-- Auditor: is done
commit;
--> COMMIT

-- Bob: begins
begin;
--> BEGIN

-- Bob: takes 20 out of the bar
update tills set amount = amount - 20
where name = 'bar';
--> UPDATE 1

-- Bob: puts them into the box office
update tills set amount = amount + 20
where name = 'box office';
--> UPDATE 1

-- Bob: commits
commit;
--> COMMIT

-- finally
select name, amount from tills
order by name;
--> bar | 90
--> box office | 110
--> explore: anomaly possible at read committed, not at repeatable read, serializable
