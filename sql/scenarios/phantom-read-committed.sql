-- A phantom in the stalls, at READ COMMITTED
--
-- Alice writes the list of tonight's guests: first she counts them, then she prints their names. Between the two Bob
-- books, and his name was on no row that Alice could have seen or locked.
--
-- At READ COMMITTED the two statements see two different evenings: two guests are counted and three are printed. No
-- row has changed; one has appeared. That is a phantom.
--
-- sessions: Alice, Bob
-- watch: guests
-- isolation: read committed
-- engines: postgres

-- setup
create table guests (
    name text primary key
);

insert into guests (name) values ('Carol'), ('Oscar');

-- Alice: begins
begin;
--> BEGIN

-- Alice: counts the guests
select count(*) from guests;
--> 2

-- Bob: books
insert into guests (name) values ('Bob');
--> INSERT 0 1

-- Alice: prints the names
select name from guests
order by name;
--> Bob
--> Carol
--> Oscar
--> (3 rows)

-- Alice: commits
commit;
--> COMMIT

-- finally
select count(*) from guests;
--> 3
