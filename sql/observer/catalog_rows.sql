-- What do these rows of a catalog describe? For a catalog whose rows have an oid of their own.
--
-- $1 the catalog's oid, $2 places as text; {table} is its quoted name
SELECT c.ctid::text AS tid, i.type || ' ' || i.identity AS key
FROM {table} c
CROSS JOIN LATERAL pg_identify_object($1::oid, c.oid, 0) AS i
WHERE c.ctid = ANY ($2::text[]::tid[]) AND i.type IS NOT NULL AND i.identity IS NOT NULL
