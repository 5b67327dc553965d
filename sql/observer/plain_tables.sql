-- Which tables are watched, what are their columns and keys? For servers that are not PostgreSQL underneath: the standard's own catalog, and nothing about locks.
--
-- $1 names, folded, $2 schema, $3 how many tables at most
WITH keys AS (
  SELECT t.table_schema, t.table_name, array_agg(k.column_name::text ORDER BY k.ordinal_position) AS key
  FROM information_schema.table_constraints t
  JOIN information_schema.key_column_usage k
    ON k.constraint_schema = t.constraint_schema AND k.constraint_name = t.constraint_name
   AND k.table_schema = t.table_schema AND k.table_name = t.table_name
  WHERE t.constraint_type = 'PRIMARY KEY'
  GROUP BY t.table_schema, t.table_name
)
SELECT c.table_schema::text AS schema, c.table_name::text AS name,
       array_agg(c.column_name::text ORDER BY c.ordinal_position) AS columns, k.key
FROM information_schema.columns c
LEFT JOIN keys k ON k.table_schema = c.table_schema AND k.table_name = c.table_name
WHERE c.table_schema = coalesce($2::text, current_schema()::text)
  AND (coalesce(array_length($1::text[], 1), 0) = 0 OR c.table_name = ANY ($1::text[]))
GROUP BY c.table_schema, c.table_name, k.key
ORDER BY array_position($1::text[], c.table_name::text), c.table_name
LIMIT $3::bigint
