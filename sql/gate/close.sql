-- Holds the numbers of these backends, so that each waits at the gate when it comes there.
--
-- $1 the gate's class of locks, $2 their pids
SELECT pg_advisory_lock($1::int, backend) FROM unnest($2::int[]) AS backends(backend)
