-- What has this PostgreSQL, and what does it let us see? Asked only of servers that call themselves PostgreSQL; one that cannot answer is only like it.
SELECT current_setting('server_version_num')::int AS version,
       to_regprocedure('aurora_version()') IS NOT NULL AS aurora,
       current_setting('rds.extensions', true) IS NOT NULL AS rds,
       to_regclass('pg_catalog.pg_locks') IS NOT NULL
         AND to_regprocedure('pg_blocking_pids(int)') IS NOT NULL
         AND to_regprocedure('pg_safe_snapshot_blocking_pids(int)') IS NOT NULL AS waits,
       to_regprocedure('pg_get_multixact_members(xid)') IS NOT NULL
         AND to_regprocedure('txid_status(bigint)') IS NOT NULL
         AND to_regprocedure('txid_current_snapshot()') IS NOT NULL
         AND to_regprocedure('mxid_age(xid)') IS NOT NULL AS row_locks,
       current_setting('is_superuser') = 'on' OR pg_has_role('pg_read_all_stats', 'usage') AS statistics
