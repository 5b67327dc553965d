-- In which schema is pageinspect, if it is there and we may use it? Its functions are for superusers.
SELECT n.nspname::text
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pageinspect' AND current_setting('is_superuser') = 'on'
