-- CockroachDB: who holds or awaits which key?
--
-- Its pg_locks and pg_blocking_pids are empty stubs. The lock table pairs holder and waiter by the key. Backend pids are not unique in a cluster: sessions are
-- known by their application_name. It asks every node: not more than a few times a second.
-- Written by the documentation, not tried on a server: every failure means "cannot be seen".
SELECT coalesce(s.application_name, '') AS application,
       l.txn_id::text AS owner,
       l.table_name::text AS relation,
       l.lock_key_pretty::text AS key,
       coalesce(l.lock_strength::text, '') AS mode,
       l.granted,
       NULL::text[] AS blocked_by
FROM crdb_internal.cluster_locks l
JOIN crdb_internal.cluster_sessions s ON s.kv_txn = l.txn_id::text
WHERE l.database_name = current_database()
