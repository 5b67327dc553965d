-- Lets one backend through.
--
-- $1 the gate's class of locks, $2 its pid
SELECT pg_advisory_unlock($1::int, $2::int)
