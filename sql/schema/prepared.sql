-- Prepared transactions that hold a lock on something in the schema $1, and so would hold up its drop for ever; whether nothing that they have
-- touched lies outside of it, and they are this user's.
--
-- A prepared transaction has no backend: its locks have no pid, and only the lock on its own transaction id tells which of them are its.
-- What it has made itself nobody else sees yet; the schema that it was made in is locked, too. An object's weakest lock is that of who merely uses
-- it. A large value's own table (pg_toast) goes with that of its row, and catalogs are everybody's.
with held as (
  select prepared.gid, prepared.owner,
         case
           when lock.locktype in ('transactionid', 'virtualxid', 'advisory') then null
           when lock.locktype = 'object' and lock.classid = 'pg_catalog.pg_namespace'::regclass then lock.objid = schema.oid
           when lock.locktype = 'object' and lock.mode = 'AccessShareLock' then null
           when lock.relation is null or lock.database <> here.oid then false
           when relation.relnamespace in ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace) then null
           else relation.relnamespace = schema.oid
         end as is_inside
  from pg_catalog.pg_prepared_xacts prepared
  join pg_catalog.pg_database here on here.datname = prepared.database
  join pg_catalog.pg_namespace schema on schema.nspname = $1
  join pg_catalog.pg_locks own on own.transactionid = prepared.transaction and own.pid is null and own.granted
  join pg_catalog.pg_locks lock on lock.virtualtransaction = own.virtualtransaction and lock.pid is null
  left join pg_catalog.pg_class relation on relation.oid = lock.relation and lock.database = here.oid
  where prepared.database = current_database()
)
select gid, owner = current_user and bool_and(coalesce(is_inside, true)) as is_ours
from held
group by gid, owner
having bool_or(is_inside)
order by gid
