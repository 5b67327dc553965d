-- Which rows have these two both locked, each beside the other? Who shares a row and wants more of it waits for the others' transactions without queueing for the row.
--
-- Sharers stand in a multixact; ids are judged as in rows.sql.
--
-- $1 the waiter's pid, $2 the transaction that is waited for; {table}, {key}, {values} are quoted names
WITH run AS MATERIALIZED (
  SELECT transactionid AS x, pid FROM pg_locks WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'
), hx AS MATERIALIZED (
  SELECT DISTINCT xmax AS x FROM {table} WHERE xmax <> '0'::xid
), shared AS MATERIALIZED (
  SELECT hx.x
  FROM hx CROSS JOIN LATERAL pg_get_multixact_members(
    CASE WHEN NOT EXISTS (SELECT 1 FROM run WHERE run.x = hx.x)
          AND mxid_age(hx.x) BETWEEN 1 AND (SELECT max(mxid_age(datminmxid)) FROM pg_database)
         THEN hx.x END) m
  GROUP BY hx.x
  HAVING bool_or(m.xid::text = $2::text) AND bool_or(EXISTS (SELECT FROM run WHERE run.x = m.xid AND run.pid = $1::int))
)
SELECT ctid::text AS tid, {key} AS key, {values} AS columns
FROM {table}
WHERE EXISTS (SELECT FROM shared WHERE shared.x = xmax)
LIMIT 2
