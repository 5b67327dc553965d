-- Which columns does a sequence fill, and which refer to those? With the name of the column that is filled: values of both are numbered alike.
WITH RECURSIVE filled AS (
  SELECT a.attrelid, a.attnum, format('%s.%s', a.attrelid::regclass, a.attname) AS whose
  FROM pg_attribute AS a
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0
    AND NOT a.attisdropped
    AND (
      a.attidentity <> ''
      OR EXISTS (
        SELECT FROM pg_depend AS p
        JOIN pg_class AS s ON s.oid = p.refobjid AND s.relkind = 'S'
        WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
      )
    )
  UNION
  SELECT k.conrelid, pair.own, f.whose
  FROM filled AS f
  JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = f.attrelid
  CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (own, other)
  WHERE pair.other = f.attnum
)
SELECT name.text, a.attname::text, min(f.whose)
FROM filled AS f
JOIN pg_attribute AS a ON a.attrelid = f.attrelid AND a.attnum = f.attnum
JOIN pg_class AS c ON c.oid = f.attrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(ARRAY[c.relname::text, n.nspname || '.' || c.relname]) AS name (text)
GROUP BY name.text, a.attname
