-- Where is a session connected, and as whom?
SELECT pg_catalog.current_database() AS "Database", current_user AS "User", pg_catalog.pg_backend_pid() AS "Process",
       pg_catalog.current_setting('transaction_isolation') AS "Isolation";
