-- Who is connected to this database besides the asker: what each backend calls itself, or its user where it says nothing. In the order in which they came.
SELECT pid, coalesce(nullif(application_name, ''), usename::text, '') AS name
FROM pg_stat_activity
WHERE datname = current_database()
  AND backend_type = 'client backend'
  AND pid <> pg_backend_pid()
ORDER BY backend_start, pid
