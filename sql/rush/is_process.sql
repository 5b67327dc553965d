-- One row if PID is the server process that answers, none if a pooler stands between.
select from pg_backend_pid() as answering where answering = PID
