-- Which tables are not there.
--
-- $1 the tables, as they are written
SELECT name FROM unnest($1::text[]) AS names(name) WHERE pg_catalog.to_regclass(name) IS NULL
