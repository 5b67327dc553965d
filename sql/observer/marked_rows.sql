-- Which committed rows has a running transaction deleted, or changed, and not committed? Their keys are in the way of whoever writes them anew.
--
-- $1 the transaction; {table}, {key}, {values} are quoted names
SELECT ctid::text AS tid, {key} AS key, {values} AS columns
FROM {table}
WHERE xmax::text = $1::text
