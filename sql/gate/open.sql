-- Lets everybody through.
SELECT pg_advisory_unlock_all()
