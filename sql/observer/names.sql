-- What can a statement name? Relations with their columns, functions, types, settings, schemas, the search path; for completion, so every part is
-- bounded: a catalog with a hundred thousand tables must neither take a second nor fill the memory.
--
-- Functions that only operators, types and indexes call are left out: nobody types them.
--
-- Temporary tables are said to be in pg_temp, whoever's they are: a name too many does no harm. No lock is taken but on the catalog.
--
-- $1 the schema of the run, whose relations come first
WITH visible AS MATERIALIZED (
  SELECT c.oid, CASE WHEN n.nspname ~ '^pg_temp_' THEN 'pg_temp' ELSE n.nspname::text END AS schema, c.relname::text AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname !~ '^pg_toast'
  ORDER BY n.nspname IS DISTINCT FROM $1::text, n.nspname IN ('pg_catalog', 'information_schema'), c.relname
  LIMIT 4000
)
SELECT 'relation' AS kind, v.schema, v.name,
       (SELECT coalesce(array_agg(a.attname::text ORDER BY a.attnum), '{}') FROM pg_attribute a
        WHERE a.attrelid = v.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM visible v
UNION ALL
(SELECT DISTINCT 'function', n.nspname::text, p.proname::text, '{}'::text[]
 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'event_trigger'::regtype)
   AND 'internal'::regtype <> ALL (p.proargtypes) AND 'cstring'::regtype <> ALL (p.proargtypes)
   AND p.proname !~ '^binary_upgrade_'
   AND NOT EXISTS (SELECT FROM pg_description d
                   WHERE d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass AND d.objsubid = 0
                     AND d.description ~ '^(implementation of .* operator|I/O|internal|less-equal-greater|sort support|hash|deprecated)')
 LIMIT 6000)
UNION ALL
(SELECT 'type', '', format_type(t.oid, NULL), '{}'::text[]
 FROM pg_type t
 WHERE t.typtype IN ('b', 'd', 'e', 'r') AND t.typelem = 0 AND t.typname !~ '^_' LIMIT 2000)
UNION ALL
SELECT 'setting', '', name, '{}'::text[] FROM pg_settings WHERE context IN ('user', 'superuser')
UNION ALL
(SELECT 'schema', '', nspname::text, '{}'::text[] FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)' LIMIT 2000)
UNION ALL
SELECT 'path', '', '', current_schemas(false)::text[]
