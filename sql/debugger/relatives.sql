-- What is watched with tables: their partitions, what they are partitions of, and the views on all of them.
--
-- $1 the tables, as they are written
WITH RECURSIVE named(relation) AS (
    SELECT pg_catalog.to_regclass(name)::oid FROM unnest($1::text[]) AS names(name)
    WHERE pg_catalog.to_regclass(name) IS NOT NULL
), parts(relation) AS (
    SELECT relation FROM named
    UNION
    SELECT inhrelid FROM parts JOIN pg_catalog.pg_inherits ON inhparent = relation
), wholes(relation) AS (
    SELECT relation FROM named
    UNION
    SELECT inhparent FROM wholes JOIN pg_catalog.pg_inherits ON inhrelid = relation
), related(relation) AS (
    (SELECT relation FROM parts UNION SELECT relation FROM wholes)
    UNION
    SELECT rule.ev_class
    FROM related
    JOIN pg_catalog.pg_depend AS needs
        ON needs.refclassid = 'pg_catalog.pg_class'::regclass AND needs.refobjid = relation
        AND needs.classid = 'pg_catalog.pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite AS rule ON rule.oid = needs.objid
)
SELECT space.nspname::text, class.relname::text
FROM related
JOIN pg_catalog.pg_class AS class ON class.oid = relation
JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
WHERE relation NOT IN (SELECT relation FROM named)
