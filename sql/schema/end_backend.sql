-- Ends one of the run's own backends, which does not let itself be cancelled. False where it is gone already.
--
-- $1 pid
SELECT pg_terminate_backend($1::int)
