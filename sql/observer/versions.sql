-- What exactly has been done to each row, committed or not? Reads the table's pages with pageinspect, so only for a superuser.
--
-- The header bits of a row version tell the exact lock mode of a lone locker, and a version whose xmin is still running is an uncommitted INSERT
-- or the new half of an UPDATE, with its columns as raw bytes. Both ids are judged as rows.sql judges xmax; a version
-- that no running transaction has made or marked is left out. (heap_page_item_attrs would say it shorter, but finds its own helpers by search path.)
--
-- $1 the table's oid, $2 its name as get_raw_page reads it, $3 how many pages, from the last; {pageinspect} is the extension's schema
WITH l AS MATERIALIZED (
  SELECT locktype, transactionid AS x, pid, virtualtransaction AS vt, mode, granted FROM pg_locks
  WHERE locktype = 'transactionid'
     OR (locktype = 'relation' AND relation = $1::oid
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
), next_xid AS MATERIALIZED (
  SELECT txid_snapshot_xmax(txid_current_snapshot()) AS n
), run AS MATERIALIZED (
  SELECT x, pid, vt FROM l WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'
), writer AS MATERIALIZED (
  SELECT DISTINCT vt FROM l WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock'
), v AS MATERIALIZED (
  SELECT b.page, i.lp, i.t_ctid, i.t_xmin, i.t_xmax, i.t_infomask, i.t_infomask2, i.t_bits, i.t_data
  FROM (SELECT pg_relation_size($1::oid) / current_setting('block_size')::bigint AS pages) AS size
  CROSS JOIN LATERAL generate_series(greatest(size.pages - $3::bigint, 0), size.pages - 1) AS b(page)
  CROSS JOIN LATERAL {pageinspect}.heap_page_items({pageinspect}.get_raw_page($2::text, b.page::int)) AS i
  WHERE i.t_xmin IS NOT NULL AND ((i.t_infomask & 768) = 0 OR (i.t_infomask & 2048) = 0)
), unsettled AS MATERIALIZED (
  SELECT t_xmin AS x FROM v WHERE (t_infomask & 768) = 0
  UNION
  SELECT t_xmax FROM v WHERE (t_infomask & (2048 | 4096)) = 0 AND t_xmax <> '0'::xid
), running AS MATERIALIZED (
  SELECT u.x, o.pids
  FROM unsettled u LEFT JOIN run r ON r.x = u.x
  CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT coalesce(k.pid, 0)) AS pids FROM run k
    WHERE k.x = u.x OR (r.x IS NULL AND k.vt IN (SELECT vt FROM writer) AND age(k.x) > age(u.x))) o
  WHERE o.pids IS NOT NULL
    AND CASE WHEN r.x IS NOT NULL THEN true
             WHEN u.x::text::bigint < 3 OR age(u.x) <= 0 THEN false
             ELSE txid_status((SELECT n FROM next_xid) + ((u.x::text::bigint - (SELECT n FROM next_xid) + 2147483648) & 4294967295) - 2147483648) = 'in progress' END
)
SELECT format('(%s,%s)', v.page, v.lp) AS tid, v.t_ctid::text AS next, v.t_xmax::text::bigint AS xmax,
       v.t_infomask AS bits, v.t_infomask2 AS more_bits, maker.pids AS writers,
       CASE WHEN maker.x IS NOT NULL THEN
         {pageinspect}.tuple_data_split($1::oid, v.t_data, v.t_infomask, v.t_infomask2, v.t_bits) END AS columns,
       (v.t_infomask & (2048 | 4096)) = 4096 OR marker.x IS NOT NULL AS marked
FROM v
LEFT JOIN running maker ON maker.x = v.t_xmin AND (v.t_infomask & 768) = 0
LEFT JOIN running marker ON marker.x = v.t_xmax AND (v.t_infomask & (2048 | 4096)) = 0
WHERE maker.x IS NOT NULL OR marker.x IS NOT NULL OR (v.t_infomask & (2048 | 4096)) = 4096
