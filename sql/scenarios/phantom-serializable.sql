-- A phantom in the stalls, at SERIALIZABLE
--
-- Alice writes the list of tonight's guests: first she counts them, then she prints their names. Between the two Bob
-- books, and his name was on no row that Alice could have seen or locked.
--
-- At SERIALIZABLE there is no phantom either. Alice read what Bob changed, so she goes before him in the order that
-- the database keeps in mind; he read nothing of hers, and nobody is refused.
--
-- sessions: Alice, Bob
-- watch: guests
-- isolation: serializable
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
--> Carol
--> Oscar
--> (2 rows)

-- Alice: commits
commit;
--> COMMIT

-- finally
select count(*) from guests;
--> 3
