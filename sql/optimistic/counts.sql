-- How many there are of what the service has limits for, where this transaction has made one of them: indexes and extended statistics of
-- the tables that have got one, and schemas, tables, views and sequences of the database. And how many new keys have a column of a type
-- that no key can have, and new tables one of a type of rows. What is of this transaction or of a savepoint in it is at most as old as the transaction itself.
with me as (select age(pg_catalog.txid_current()::text::xid) as age),
owned as (
    select c.oid, c.relkind, age(c.xmin) <= me.age as is_new
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace, me
    where c.oid >= 16384 and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')),
keys as (select i.indrelid, i.indexrelid, i.indnkeyatts, age(i.xmin) <= me.age as is_new from pg_catalog.pg_index i join owned on owned.oid = i.indexrelid, me),
statistics as (select e.stxrelid, age(e.xmin) <= me.age as is_new from pg_catalog.pg_statistic_ext e, me)
select 'indexes', max(n)::text from (select count(*) as n from keys group by indrelid having bool_or(is_new)) s
union all
select 'statistics', max(n)::text from (select count(*) as n from statistics group by stxrelid having bool_or(is_new)) s
union all
select 'schemas', count(*)::text from pg_catalog.pg_namespace n, me
where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public', 'sys') having bool_or(age(n.xmin) <= me.age)
union all
select 'tables', count(*)::text from owned where relkind = 'r' having bool_or(is_new)
union all
select 'views', count(*)::text from owned where relkind = 'v' having bool_or(is_new)
union all
select 'sequences', count(*)::text from owned where relkind = 'S' having bool_or(is_new)
union all
select 'keys of jsonb', count(*)::text
from keys join pg_catalog.pg_attribute a on a.attrelid = keys.indexrelid and a.attnum <= keys.indnkeyatts
where keys.is_new and a.atttypid in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype)
union all
select 'columns of ' || pg_catalog.format_type(a.atttypid, null), count(*)::text
from owned
join pg_catalog.pg_attribute a on a.attrelid = owned.oid and a.attnum > 0
join pg_catalog.pg_type y on y.oid = a.atttypid and y.typtype = 'c'
where owned.is_new and owned.relkind = 'r'
group by a.atttypid
