-- What a drop of these schemas shuts: the relations in them, and those elsewhere that foreign keys or views tie to one of them.
--
-- $1 names that may be schemas
with inside as materialized (
    select c.oid
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
)
select oid::text from inside
union
select tied::text
from pg_catalog.pg_constraint k cross join lateral (values (k.conrelid), (k.confrelid)) as t(tied)
where k.contype = 'f' and (k.conrelid in (select oid from inside) or k.confrelid in (select oid from inside))
union
select r.ev_class::text
from pg_catalog.pg_depend d join pg_catalog.pg_rewrite r on r.oid = d.objid
where d.classid = 'pg_catalog.pg_rewrite'::regclass
  and d.refclassid = 'pg_catalog.pg_class'::regclass
  and d.refobjid in (select oid from inside)
