-- The first type among those of these columns that no key can have. Tables by the search path where no schema is given.
with subject as (
    select t.oid
    from pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid = t.relnamespace
    where t.relname = $2 and t.relpersistence <> 't'
      and case when $1::text is null then s.nspname = any (current_schemas(false)) else s.nspname = $1 end
    order by array_position(current_schemas(false), s.nspname)
    limit 1)
select pg_catalog.format_type(a.atttypid, null)
from subject join pg_catalog.pg_attribute a on a.attrelid = subject.oid and a.attname = any ($3::text[])
where a.atttypid in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype)
order by array_position($3::text[], a.attname::text)
limit 1
