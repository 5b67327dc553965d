-- How many there are of what the service has limits for: indexes and extended statistics of the tables of these names, and schemas,
-- tables, views and sequences of the database. And how many keys of those tables have a column of a type that no key can have.
with owned as (
    select c.oid, c.relkind, c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid >= 16384 and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')),
named as (select owned.oid from owned where owned.relname = any ($1::text[]))
select 'indexes', max(n)::text from (select count(*) as n from pg_catalog.pg_index i join named on named.oid = i.indrelid group by i.indrelid) s
union all
select 'statistics', max(n)::text
from (select count(*) as n from pg_catalog.pg_statistic_ext e join named on named.oid = e.stxrelid group by e.stxrelid) s
union all
select 'schemas', count(*)::text from pg_catalog.pg_namespace n
where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public', 'sys')
union all
select 'tables', count(*)::text from owned where relkind = 'r'
union all
select 'views', count(*)::text from owned where relkind = 'v'
union all
select 'sequences', count(*)::text from owned where relkind = 'S'
union all
select 'keys of jsonb', count(*)::text
from pg_catalog.pg_index i join named on named.oid = i.indrelid
     join pg_catalog.pg_attribute a on a.attrelid = i.indexrelid and a.attnum <= i.indnkeyatts
where a.atttypid in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype)
