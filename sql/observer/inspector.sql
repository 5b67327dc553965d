-- In which schema are functions that read pages, if we may use any? Our own connection's, or those of somebody's extension, which are for superusers.
SELECT coalesce(
  (SELECT 'pg_temp' WHERE to_regprocedure('pg_temp.heap_page_items(bytea)') IS NOT NULL),
  (SELECT n.nspname::text
   FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
   WHERE e.extname = 'pageinspect' AND current_setting('is_superuser') = 'on')
)
