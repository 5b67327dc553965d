-- Which tables are watched, what are their columns and keys, is one of them shut, and who may have written to them?
--
-- Reading a table queues behind LOCK TABLE, ALTER TABLE and TRUNCATE, even behind one that still waits itself. Therefore `shut` is asked first, of
-- the lock table alone: no lock on the table is taken here. With no names, the schema's tables are watched.
--
-- A name without a schema is one of the schema's tables or, if there is none, of the search path's: a setup may have made it in public.
--
-- $1 names as to_regclass reads them, $2 schema, $3 how many tables at most, $4 the names as they are written
WITH named AS (
  SELECT t.place, coalesce(to_regclass(t.name), to_regclass(t.label))::oid AS oid
  FROM unnest($1::text[], $4::text[]) WITH ORDINALITY AS t(name, label, place)
), picked AS MATERIALIZED (
  SELECT place, oid FROM named WHERE oid IS NOT NULL
  UNION ALL
  (SELECT row_number() OVER (ORDER BY c.relname), c.oid
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE cardinality($1::text[]) = 0 AND n.nspname = coalesce($2::text, current_schema())
     AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   ORDER BY c.relname LIMIT $3::int)
), locks AS MATERIALIZED (
  SELECT locktype, relation, pid, virtualtransaction AS vt, mode, granted FROM pg_locks
  WHERE locktype = 'transactionid'
     OR (locktype = 'relation' AND relation IN (SELECT oid FROM picked)
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
), started AS MATERIALIZED (
  SELECT DISTINCT vt FROM locks WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock'
)
SELECT p.place, c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       c.reltuples::bigint AS estimate, a.columns, a.numbers, a.types,
       (SELECT array_agg(k.attname::text ORDER BY u.place)
        FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, place)
        JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = u.attnum
        WHERE i.indrelid = c.oid AND i.indisprimary AND u.place <= i.indnkeyatts) AS key,
       EXISTS (SELECT FROM locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock') AS shut,
       (SELECT coalesce(l.pid, 0) FROM locks l
        WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock' ORDER BY l.granted DESC, l.pid LIMIT 1) AS shut_by,
       coalesce((SELECT bool_or(l.granted) FROM locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock'), false) AS is_locked,
       (SELECT array_agg(DISTINCT coalesce(l.pid, 0)) FROM locks l
        WHERE l.relation = c.oid AND l.granted AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
          AND l.vt IN (SELECT vt FROM started)) AS lockers,
       (SELECT array_agg(DISTINCT coalesce(l.pid, 0)) FROM locks l
        WHERE l.relation = c.oid AND l.granted AND l.mode = 'RowExclusiveLock'
          AND l.vt IN (SELECT vt FROM started)) AS writers
FROM picked p
JOIN pg_class c ON c.oid = p.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{}') AS columns,
         coalesce(array_agg(attnum ORDER BY attnum), '{}') AS numbers,
         coalesce(array_agg(atttypid ORDER BY attnum), '{}') AS types
  FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
) AS a
ORDER BY p.place
