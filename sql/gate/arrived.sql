-- Which of these backends wait at the gate, and which wait for somebody somewhere else.
--
-- $1 the gate's class of locks, $2 their pids
SELECT backend,
    EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND classid = $1::int::oid AND objid = backend::oid AND objsubid = 2
            AND pid = backend AND NOT granted
    ) AS waits,
    cardinality(pg_blocking_pids(backend)) > 0 AS is_elsewhere
FROM unnest($2::int[]) AS backends(backend)
