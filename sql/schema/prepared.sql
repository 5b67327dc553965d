-- Prepared transactions that hold a lock on something in the schema $1, and so would hold up its drop for ever. A prepared transaction has no
-- backend: its locks have no pid, and only the lock on its own transaction id tells which of them are its.
select distinct prepared.gid
from pg_catalog.pg_prepared_xacts prepared
join pg_catalog.pg_locks own on own.transactionid = prepared.transaction and own.pid is null and own.granted
join pg_catalog.pg_locks held on held.virtualtransaction = own.virtualtransaction and held.pid is null
join pg_catalog.pg_class relation on relation.oid = held.relation
join pg_catalog.pg_namespace schema on schema.oid = relation.relnamespace
where prepared.database = current_database()
  and held.database = (select oid from pg_catalog.pg_database where datname = current_database())
  and schema.nspname = $1
