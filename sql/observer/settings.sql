-- Every connection of the observer begins with this.
--
-- jit off: the estimated cost of row_locks.sql is in the millions, and compiling it took two seconds. Read committed and read only:
-- the observer never takes part in serializable's bookkeeping, nor stands in the way of a safe snapshot. The timeouts bound what a race with LOCK TABLE can cost.
-- A server that lacks a setting (CockroachDB has no jit) keeps its own.
--
-- $1 names, $2 values
SELECT set_config(s.name, s.value, false)
FROM unnest($1::text[], $2::text[]) AS s(name, value)
WHERE current_setting(s.name, true) IS NOT NULL
