-- Ends the server process of a connection that we have lost, and says whether it was still there. PID and SINCE: as it was known by.
select pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
where pid = PID and extract(epoch from backend_start) = SINCE
