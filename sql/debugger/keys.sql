-- Which values of a new row must nobody else have?
--
-- For each table whose name no other table has: its columns, and for each of its unique indexes the columns in it and of which kind each is: text, integer, uuid, or the same with
-- "sequence " before it where a sequence gives the value if nobody else does. Of any other kind is what cannot be compared by its text alone. A table without such an index has one row.
SELECT
  c.relname::text AS name,
  (
    SELECT array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_attribute AS a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS columns,
  coalesce(k.columns, '{}') AS key_columns,
  coalesce(k.kinds, '{}') AS kinds
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
  SELECT
    array_agg(coalesce(a.attname::text, '') ORDER BY place.at) AS columns,
    array_agg(
      CASE
        WHEN i.indexprs IS NOT NULL OR i.indpred IS NOT NULL OR i.indisexclusion
          OR to_jsonb(i) -> 'indnullsnotdistinct' = 'true' THEN 'other'
        WHEN a.attgenerated <> '' THEN 'other'
        ELSE
          CASE
            WHEN a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%::regclass)' THEN 'sequence '
            ELSE ''
          END ||
          CASE
            WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
            WHEN a.atttypid = 'uuid'::regtype THEN 'uuid'
            WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND l.collisdeterministic THEN 'text'
            ELSE 'other'
          END
      END
      ORDER BY place.at
    ) AS kinds
  FROM pg_index AS i
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS place (attnum, at)
  LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = place.attnum AND place.attnum > 0
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
  WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND place.at <= i.indnkeyatts
  GROUP BY i.indexrelid
) AS k ON true
WHERE c.relkind = 'r'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND NOT EXISTS (
    SELECT FROM pg_class AS o
    JOIN pg_namespace AS m ON m.oid = o.relnamespace
    WHERE o.relname = c.relname AND o.oid <> c.oid AND m.nspname <> 'pg_toast'
  )
