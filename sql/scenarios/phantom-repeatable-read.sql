-- A phantom in the stalls, at REPEATABLE READ
--
-- Alice writes the list of tonight's guests: first she counts them, then she prints their names. Between the two Bob
-- books, and his name was on no row that Alice could have seen or locked.
--
-- The standard would allow this at REPEATABLE READ. PostgreSQL does not: its snapshot holds new rows back as it holds
-- back new versions of old ones, and the list is right as of the moment when it was begun.
--
-- sessions: Alice, Bob
-- watch: guests
-- isolation: repeatable read

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
--> Carol
--> Oscar
--> (2 rows)

-- Alice: commits
commit;
--> COMMIT

-- finally
select count(*) from guests;
--> 3
