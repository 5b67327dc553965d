-- Which of these backends wait, and for whom? The cheap verdict that the quiet rule asks for, about a twentieth of a millisecond.
--
-- pg_blocking_pids is the verdict; pg_stat_activity.wait_event lags behind it. A deferrable serializable transaction waits for a safe snapshot, which only the other
-- function knows. 0 stands for a prepared transaction; a parallel query repeats its blocker, hence DISTINCT.
--
-- $1 pids
SELECT p.pid, b.blockers
FROM unnest($1::int[]) AS p(pid)
CROSS JOIN LATERAL (
  SELECT array_agg(DISTINCT blocker) AS blockers
  FROM unnest(pg_blocking_pids(p.pid) || pg_safe_snapshot_blocking_pids(p.pid)) AS blocker
) AS b
WHERE b.blockers IS NOT NULL
