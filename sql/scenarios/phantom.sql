-- A phantom in the stalls
--
-- Alice writes the list of tonight's guests: first she counts them, then she prints their names. Between the two
-- Bob books, and his name was on no row that Alice could have seen or locked.
--
-- Will the number and the names agree?
--
-- afterwards:
-- At READ COMMITTED the two statements see two different evenings: two guests are counted and three are printed. No
-- row has changed; one has appeared. That is a phantom.
--
-- The standard would allow this at REPEATABLE READ. PostgreSQL does not: its snapshot hides new rows just as it
-- hides new versions of old ones, and the list is correct as of the moment the snapshot was taken.
--
-- At SERIALIZABLE there is no phantom either. Alice read what Bob changed, so she comes before him in the serial
-- order; he read nothing of hers, and nobody is refused.
--
-- sessions: Alice, Bob
-- watch: guests
-- isolation: read committed, repeatable read, serializable

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
--> at read committed: Bob
--> Carol
--> Oscar
--> at read committed: (3 rows)
--> at repeatable read, serializable: (2 rows)

-- Alice: commits
commit;
--> COMMIT

-- finally
select count(*) from guests;
--> 3
--> explore: phantom is possible at read committed, not at repeatable read and serializable
--> explore: anomaly is not possible at repeatable read and serializable
