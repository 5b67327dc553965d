-- Commands of psql's in steps
-- sessions: Alice, Bob

-- Alice: keeps a value
select 7 as id \gset my_
\x

-- Bob: uses it
\set twice :my_id :my_id
select :my_id, :twice;
--> (1 row)

-- Alice: only says something
\echo the id is :my_id
