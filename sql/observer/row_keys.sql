-- What are the keys of the rows at these places? For the rows that waits.sql names by (page, item).
--
-- A version that is no longer current is not found; the observer remembers the keys of earlier looks.
--
-- $1 places as text; {table}, {key} and {values} are quoted names
SELECT ctid::text AS tid, {key} AS key, {values} AS columns
FROM {table}
WHERE ctid = ANY ($1::text[]::tid[])
