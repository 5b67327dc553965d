-- Which functions would psql list for \df?
--
-- {where} is about p, the function, and n, its schema. What stands in braces behind `plus` is for \df+.
SELECT n.nspname AS "Schema", p.proname AS "Name", pg_catalog.pg_get_function_result(p.oid) AS "Result data type",
       pg_catalog.pg_get_function_arguments(p.oid) AS "Argument data types",
       CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END AS "Type"{plus ,
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' WHEN 'v' THEN 'volatile' END AS "Volatility",
       CASE p.proparallel WHEN 'r' THEN 'restricted' WHEN 's' THEN 'safe' WHEN 'u' THEN 'unsafe' END AS "Parallel",
       pg_catalog.pg_get_userbyid(p.proowner) AS "Owner", CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END AS "Security",
       pg_catalog.array_to_string(p.proacl, E'\n') AS "Access privileges",
       (SELECT l.lanname FROM pg_catalog.pg_language l WHERE l.oid = p.prolang) AS "Language", p.prosrc AS "Source code",
       pg_catalog.obj_description(p.oid, 'pg_proc') AS "Description"}
FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE {where}
ORDER BY 1, 2, 4;
