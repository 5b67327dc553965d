-- What stands in a table? For servers that are not PostgreSQL underneath: values only.
--
-- $1 how many rows; {table}, {key}, {values}, {order} are the table's quoted names
SELECT {key} AS key, row_number() OVER (ORDER BY {order}) AS n, {values} AS columns, count(*) OVER () AS total
FROM {table}
ORDER BY n
LIMIT $1::bigint
