-- Which of these backends have begun with their statement, so that what others do from now on comes after? One that reads has its snapshot by then; one that needs
-- none is given a tenth of a second.
--
-- $1 pids
SELECT pid
FROM pg_stat_activity
WHERE pid = ANY ($1::int[])
  AND state = 'active'
  AND (backend_xmin IS NOT NULL OR query_start < clock_timestamp() - interval '100 ms')
