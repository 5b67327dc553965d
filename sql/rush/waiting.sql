-- Which statements of ours wait for a lock at this moment. APPLICATION: the name that our connections go by.
select pid, extract(epoch from query_start) from pg_catalog.pg_stat_activity
where application_name = 'APPLICATION' and wait_event_type = 'Lock'
