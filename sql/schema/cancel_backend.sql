-- Cancels what a backend does, if it does anything. False where it is gone already.
--
-- $1 pid
SELECT pg_cancel_backend($1::int)
