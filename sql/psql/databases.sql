-- Which databases would psql list for \l?
--
-- {where} is about d, the database. Since 15 it may have a locale of ICU, hence to_jsonb. What stands in braces behind
-- `plus` is for \l+.
SELECT d.datname AS "Name", pg_catalog.pg_get_userbyid(d.datdba) AS "Owner", pg_catalog.pg_encoding_to_char(d.encoding) AS "Encoding",
       d.datcollate AS "Collate", d.datctype AS "Ctype", to_jsonb(d) ->> 'daticulocale' AS "ICU Locale",
       CASE to_jsonb(d) ->> 'datlocprovider' WHEN 'i' THEN 'icu' ELSE 'libc' END AS "Locale Provider",
       pg_catalog.array_to_string(d.datacl, E'\n') AS "Access privileges"{plus ,
       CASE WHEN pg_catalog.has_database_privilege(d.datname, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
         THEN pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(d.datname)) ELSE 'No Access' END AS "Size",
       (SELECT t.spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = d.dattablespace) AS "Tablespace",
       pg_catalog.shobj_description(d.oid, 'pg_database') AS "Description"}
FROM pg_catalog.pg_database d
WHERE {where}
ORDER BY 1;
