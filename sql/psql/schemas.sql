-- Which schemas would psql list for \dn?
--
-- {where} is about n, the schema. What stands in braces behind `plus` is for \dn+.
SELECT n.nspname AS "Name", pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner"{plus ,
       pg_catalog.array_to_string(n.nspacl, E'\n') AS "Access privileges", pg_catalog.obj_description(n.oid, 'pg_namespace') AS "Description"}
FROM pg_catalog.pg_namespace n
WHERE {where}
ORDER BY 1;
