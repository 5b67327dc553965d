-- Whether this engine keeps advisory locks, or merely answers as if it did (CockroachDB). $1: our class.
select exists (
  select from pg_catalog.pg_locks
  where locktype = 'advisory' and pid = pg_catalog.pg_backend_pid() and classid::bigint = $1 and granted
)
