-- What stands in a table, who holds its rows, who queues for them?
--
-- Row locks are not in the lock table: the locker's transaction id is in the row's xmax, and stays there when the transaction is long over. So each
-- xmax is judged:
--   1. it is the id of a running transaction or open savepoint: the lock table has it, granted in ExclusiveLock (a woken waiter briefly holds a *ShareLock* on somebody else's);
--   2. else it may be a multixact, whose members carry exact modes. The function fails on ids that do not exist, hence the guard;
--   3. else txid_status calls it in progress: a savepoint that was released. Its owner is some older transaction that has touched this table;
--   4. else it is stale, and nobody holds the row.
-- cmin is overwritten by UPDATE and DELETE but not by a row lock: the observer compares it with that of the last quiet look.
-- The lock table is read once. waitstart exists since 14, hence to_jsonb. Hash joins on tid exist since 14: the joins do not need them.
--
-- $1 the table's oid, $2 how many rows; {table}, {key}, {values}, {order} are its quoted names
WITH l AS MATERIALIZED (
  SELECT locktype, page, tuple, transactionid AS x, pid, virtualtransaction AS vt, mode, granted,
         CASE WHEN NOT granted THEN (to_jsonb(k) ->> 'waitstart')::timestamptz END AS waitstart
  FROM pg_locks k
  WHERE locktype = 'transactionid'
     OR (locktype IN ('relation', 'tuple') AND relation = $1::oid AND mode <> 'SIReadLock'
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
), next_xid AS MATERIALIZED (
  SELECT txid_snapshot_xmax(txid_current_snapshot()) AS n
), run AS MATERIALIZED (
  SELECT x, pid, vt FROM l WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'
), rel AS MATERIALIZED (
  SELECT vt, bool_or(mode = 'RowShareLock') AS rs, bool_or(mode = 'RowExclusiveLock') AS rx
  FROM l WHERE locktype = 'relation' AND granted GROUP BY vt
), s AS MATERIALIZED (
  SELECT ctid AS tid, xmax AS x, cmin AS command, {key} AS key, {values} AS columns, row_number() OVER (ORDER BY {order}) AS n
  FROM {table}
), hx AS MATERIALIZED (
  SELECT DISTINCT x FROM s WHERE x <> '0'::xid
), cand AS (
  SELECT x, x AS xid, NULL::text AS mode, false AS multi FROM hx
  UNION ALL
  SELECT hx.x, m.xid, m.mode, true
  FROM hx CROSS JOIN LATERAL pg_get_multixact_members(
    CASE WHEN NOT EXISTS (SELECT 1 FROM run WHERE run.x = hx.x)
          AND mxid_age(hx.x) BETWEEN 1 AND (SELECT max(mxid_age(datminmxid)) FROM pg_database)
         THEN hx.x END) m
), held AS MATERIALIZED (
  SELECT c.x, c.xid, o.pids,
         coalesce(c.mode, CASE WHEN o.rx AND NOT o.rs THEN 'write' WHEN o.rs AND NOT o.rx THEN 'lock' ELSE 'lock or write' END) AS mode
  FROM cand c LEFT JOIN run r ON r.x = c.xid
  CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT coalesce(k.pid, 0)) AS pids, bool_or(rel.rs) AS rs, bool_or(rel.rx) AS rx
    FROM run k LEFT JOIN rel USING (vt)
    WHERE k.x = c.xid OR (r.x IS NULL AND (rel.rs OR rel.rx) AND age(k.x) > age(c.xid))) o
  WHERE o.pids IS NOT NULL
    AND CASE WHEN r.x IS NOT NULL THEN true
             WHEN c.xid::text::bigint < 3 OR age(c.xid) <= 0 THEN false
             ELSE txid_status((SELECT n FROM next_xid) + ((c.xid::text::bigint - (SELECT n FROM next_xid) + 2147483648) & 4294967295) - 2147483648) = 'in progress' END
), wait AS MATERIALIZED (
  SELECT format('(%s,%s)', t.page, t.tuple)::tid AS tid, t.pid, t.mode, t.granted, coalesce(t.waitstart, w.waitstart) AS since
  FROM l t LEFT JOIN l w ON w.pid = t.pid AND w.locktype = 'transactionid' AND NOT w.granted
  WHERE t.locktype = 'tuple' AND (NOT t.granted OR w.pid IS NOT NULL)
), holders AS MATERIALIZED (
  SELECT x, json_agg(json_build_object('pids', pids, 'xid', xid::text::bigint, 'mode', mode)) AS holders
  FROM held GROUP BY x
), waiters AS MATERIALIZED (
  SELECT tid, json_agg(json_build_object('pid', pid,
                'blocked_by', CASE WHEN granted THEN pg_blocking_pids(pid) END,
                'wants', CASE mode WHEN 'AccessShareLock' THEN 'key share' WHEN 'RowShareLock' THEN 'share'
                                   WHEN 'ExclusiveLock' THEN 'no key update' WHEN 'AccessExclusiveLock' THEN 'update' END)
                ORDER BY granted DESC, since NULLS LAST, CASE WHEN since IS NULL THEN cardinality(pg_blocking_pids(pid)) END) AS waiters
  FROM wait GROUP BY tid
)
SELECT s.key, s.n, s.columns, s.tid::text AS tid, s.x::text::bigint AS xmax, s.command::text::bigint AS command,
       (SELECT count(*) FROM s) AS total, h.holders, w.waiters
FROM s
LEFT JOIN holders h ON h.x = s.x
LEFT JOIN waiters w ON w.tid = s.tid
WHERE s.n <= $2::bigint OR h.x IS NOT NULL OR w.tid IS NOT NULL
ORDER BY s.n
