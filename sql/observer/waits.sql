-- Who waits for whom, for what?
--
-- A row's first waiter waits for a transaction (locktype transactionid) while it holds the row's tuple lock, granted; those behind wait for the tuple lock itself. The tuple
-- lock's mode is the wanted row lock (tupleLockExtraInfo in heapam.c). A transaction is waited for without a tuple lock when its unique key is in the way, or a row
-- that both have share-locked: what it is about is asked afterwards (suspects.sql). The row is told as (page, item): its key is read afterwards, by row_keys.sql.
-- What a serializable transaction has read stands there as tuple locks too, in a mode of its own, and nobody waits for those.
-- The sign stays the same for as long as the wait does. waitstart exists since 14, hence to_jsonb. The lock table is the whole server's: oids of another database mean nothing here.
--
-- $1 pids
WITH locks AS MATERIALIZED (
  SELECT k.*, to_jsonb(k) ->> 'waitstart' AS since FROM pg_locks k
  WHERE pid = ANY ($1::int[]) AND (NOT granted OR locktype = 'tuple' AND mode <> 'SIReadLock')
), waiting AS MATERIALIZED (
  SELECT a.pid, a.query_start,
         s.safe IS NOT NULL AS safe_snapshot,
         CASE WHEN s.safe IS NOT NULL THEN s.safe
              WHEN a.state = 'active' OR w.pid IS NOT NULL THEN pg_blocking_pids(a.pid)
              ELSE '{}' END AS blocked_by,
         w.locktype, w.mode, w.relation AS wanted, w.page AS wanted_page, w.tuple AS wanted_tuple, w.transactionid,
         w.classid, w.objid, w.objsubid, w.since,
         coalesce(w.database, 0) IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AS here,
         t.relation AS held, t.page AS held_page, t.tuple AS held_tuple, t.mode AS held_mode
  FROM pg_stat_activity a
  CROSS JOIN LATERAL (SELECT nullif(pg_safe_snapshot_blocking_pids(a.pid), '{}') AS safe) AS s
  LEFT JOIN locks w ON w.pid = a.pid AND NOT w.granted
  LEFT JOIN locks t ON t.pid = a.pid AND t.granted AND t.locktype = 'tuple' AND w.locktype = 'transactionid'
  WHERE a.pid = ANY ($1::int[])
)
SELECT w.pid, w.blocked_by, w.safe_snapshot, w.locktype, w.mode,
       n.nspname::text AS schema, c.relname::text AS relation, c.oid AS relation_oid,
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'f' THEN 'foreign table' WHEN 't' THEN 'TOAST table'
                      WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
                      WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' END AS kind,
       CASE WHEN w.held IS NOT NULL THEN format('(%s,%s)', w.held_page, w.held_tuple)
            WHEN w.locktype = 'tuple' THEN format('(%s,%s)', w.wanted_page, w.wanted_tuple) END AS tid,
       CASE coalesce(w.held_mode, CASE w.locktype WHEN 'tuple' THEN w.mode END)
         WHEN 'AccessShareLock' THEN 'key share' WHEN 'RowShareLock' THEN 'share'
         WHEN 'ExclusiveLock' THEN 'no key update' WHEN 'AccessExclusiveLock' THEN 'update' END AS wants,
       CASE WHEN w.locktype <> 'advisory' THEN NULL
            WHEN w.objsubid = 1 THEN ((w.classid::bigint << 32) | w.objid::bigint)::text
            ELSE format('%s,%s', w.classid::bigint::bit(32)::int, w.objid::bigint::bit(32)::int) END AS advisory_key,
       w.transactionid::text AS transaction, w.here, w.classid AS class, w.objid AS object, w.objsubid::int AS part,
       concat_ws(' ', w.locktype, w.wanted, w.wanted_page, w.wanted_tuple, w.held, w.held_page, w.held_tuple, w.transactionid,
                 w.classid, w.objid, w.objsubid, w.mode, w.query_start, w.since) AS sign,
       CASE WHEN 0 = ANY (w.blocked_by) THEN (
         SELECT CASE WHEN count(*) FILTER (WHERE p.transaction = w.transactionid) = 1
                       THEN max(p.gid) FILTER (WHERE p.transaction = w.transactionid)
                     WHEN count(*) = 1 THEN max(p.gid) END
         FROM pg_prepared_xacts p WHERE p.database = current_database()) END AS prepared
FROM waiting w
LEFT JOIN pg_class c ON c.oid = coalesce(w.held, w.wanted) AND w.here
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE cardinality(w.blocked_by) > 0
