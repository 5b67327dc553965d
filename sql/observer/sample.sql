-- Which rows of a table that is too large to be read whole are worth showing: its first ones, those that somebody holds or awaits, and their neighbours?
--
-- Awaited rows are in the lock table. Held ones are found by reading every row's xmax, which takes no more than a scan, and judged as in rows.sql; what
-- is wrongly thought to be held costs a line. Where even a scan takes too long, they are not looked for. What is found is judged again by rows.sql.
--
-- $1 the table's oid, $2 how many of its first rows, $3 how many contested ones, $4 whether held ones are looked for; {table}, {first}, {near} are made
-- of its quoted names
WITH l AS MATERIALIZED (
  SELECT locktype, page, tuple, transactionid AS x, granted, mode FROM pg_locks
  WHERE locktype = 'transactionid'
     OR (locktype = 'tuple' AND relation = $1::oid AND mode <> 'SIReadLock'
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
), next_xid AS MATERIALIZED (
  SELECT txid_snapshot_xmax(txid_current_snapshot()) AS n
), run AS MATERIALIZED (
  SELECT x FROM l WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'
), marked AS MATERIALIZED (
  SELECT DISTINCT xmax AS x FROM {table} WHERE $4::boolean AND xmax <> '0'::xid
), held AS MATERIALIZED (
  SELECT m.x FROM marked m
  WHERE EXISTS (SELECT FROM run WHERE run.x = m.x)
     OR EXISTS (SELECT FROM pg_get_multixact_members(
                  CASE WHEN NOT EXISTS (SELECT FROM run WHERE run.x = m.x)
                        AND mxid_age(m.x) BETWEEN 1 AND (SELECT max(mxid_age(datminmxid)) FROM pg_database)
                       THEN m.x END) k
                JOIN run ON run.x = k.xid)
     OR CASE WHEN EXISTS (SELECT FROM run) AND m.x::text::bigint >= 3 AND age(m.x) > 0
             THEN txid_status((SELECT n FROM next_xid) + ((m.x::text::bigint - (SELECT n FROM next_xid) + 2147483648) & 4294967295) - 2147483648) = 'in progress'
             ELSE false END
), contested AS MATERIALIZED (
  (SELECT ctid AS tid FROM {table} WHERE EXISTS (SELECT FROM held) AND xmax IN (SELECT x FROM held) LIMIT $3::bigint)
  UNION
  SELECT format('(%s,%s)', page, tuple)::tid FROM l WHERE locktype = 'tuple'
)
SELECT tid::text FROM contested
UNION
SELECT tid::text FROM (SELECT ctid AS tid FROM {table} {first} LIMIT $2::bigint) AS first
{near}
