-- Which server process answers, and since when it has lived (a process id alone is used again).
select pid, extract(epoch from backend_start) from pg_catalog.pg_stat_activity where pid = pg_backend_pid()
