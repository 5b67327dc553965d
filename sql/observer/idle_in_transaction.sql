-- Which of these backends sit idle in an open transaction? Asked only about blockers that are not sessions of the run.
--
-- Other roles' states are NULL without pg_read_all_stats, and then nobody is said to be idle.
--
-- $1 pids
SELECT pid
FROM pg_stat_activity
WHERE pid = ANY ($1::int[]) AND state LIKE 'idle in transaction%'
