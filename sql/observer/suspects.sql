-- Which tables can it be about when a session waits for a transaction and for no row? Those that it has locked to write, or whose rows it has locked to keep.
--
-- While a statement writes to a table, its indexes are locked to be written too, and are let go at its end (ExecCloseIndices): those unique ones tell which keys
-- can be in the way. A catalog's row is written outside the executor, its indexes just so.
--
-- $1 pid
WITH held AS MATERIALIZED (
  SELECT relation, bool_or(mode = 'RowExclusiveLock') AS writes FROM pg_locks
  WHERE pid = $1::int AND granted AND locktype = 'relation' AND mode IN ('RowShareLock', 'RowExclusiveLock')
    AND database IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  GROUP BY relation
)
SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, n.nspname = 'pg_catalog' AS is_catalog,
       coalesce((SELECT json_agg(k.columns ORDER BY k.indexrelid)
        FROM (SELECT i.indexrelid,
                     (SELECT array_agg(coalesce(quote_ident(a.attname), pg_get_indexdef(i.indexrelid, u.place::int, true)) ORDER BY u.place)
                      FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, place)
                      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum AND u.attnum <> 0
                      WHERE u.place <= i.indnkeyatts) AS columns
              FROM pg_index i JOIN held h ON h.relation = i.indexrelid AND h.writes
              WHERE i.indrelid = c.oid AND i.indisunique) AS k), '[]') AS keys
FROM held h
JOIN pg_class c ON c.oid = h.relation AND c.relkind IN ('r', 'm')
JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY n.nspname = 'pg_catalog', c.oid
