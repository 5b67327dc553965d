-- Has anything happened since the last time? One row to be compared with an earlier one.
--
-- A commit moves the snapshot. A new lock, wait or transaction moves the lock table. A further row lock within a transaction that already has its id moves
-- neither: for transactions that have touched a watched table, the statement's time is told as well. While such a statement runs, or where its time is hidden (from roles without pg_read_all_stats), the pulse is `open`: no sign can be relied on.
--
-- $1 oids of the watched tables
WITH l AS MATERIALIZED (
  SELECT locktype, relation, page, tuple, transactionid, pid, mode, granted FROM pg_locks
  WHERE locktype IN ('transactionid', 'tuple') OR relation = ANY ($1::oid[])
), open AS MATERIALIZED (
  SELECT DISTINCT pid FROM l WHERE relation = ANY ($1::oid[]) AND mode IN ('RowShareLock', 'RowExclusiveLock')
)
SELECT txid_current_snapshot()::text AS snapshot,
       (SELECT coalesce(sum(hashtext(l::text)::bigint), 0)::bigint FROM l WHERE pid IS DISTINCT FROM pg_backend_pid()) AS locks,
       (SELECT coalesce(max(greatest(a.query_start, a.state_change)), 'epoch')::text FROM pg_stat_activity a WHERE a.pid IN (SELECT pid FROM open)) AS statement,
       EXISTS (SELECT FROM pg_stat_activity a
               WHERE a.pid IN (SELECT pid FROM open) AND a.pid <> pg_backend_pid()
                 AND (a.state IS NULL OR a.state NOT LIKE 'idle%' AND a.wait_event_type IS DISTINCT FROM 'Lock')) AS open
