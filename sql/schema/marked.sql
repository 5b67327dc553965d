-- Schemas that carry a mark of ours. $1: the prefix with its underscore; $2: how a mark begins.
select n.nspname::text as name, n.oid::bigint as oid, d.description as mark, extract(epoch from now())::bigint as now
from pg_catalog.pg_namespace n
join pg_catalog.pg_description d
  on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0
where starts_with(n.nspname::text, $1) and starts_with(d.description, $2)
order by n.nspname
