-- What do these backends call themselves? For blockers and holders that are not sessions of the run.
--
-- $1 pids
SELECT pid, coalesce(application_name, '') AS application
FROM pg_stat_activity
WHERE pid = ANY ($1::int[])
