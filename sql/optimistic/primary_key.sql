-- What of a table's primary key is among these columns and these constraints: itself, or a column by its name. Tables by the search path where no schema is given.
with subject as (
    select t.oid
    from pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid = t.relnamespace
    where t.relname = $2 and t.relpersistence <> 't'
      and case when $1::text is null then s.nspname = any (current_schemas(false)) else s.nspname = $1 end
    order by array_position(current_schemas(false), s.nspname)
    limit 1)
select k.conname = any ($4::text[]), dropped.name
from subject join pg_catalog.pg_constraint k on k.conrelid = subject.oid and k.contype = 'p'
    left join lateral (
        select a.attname as name
        from pg_catalog.pg_attribute a
        where a.attrelid = subject.oid and a.attnum = any (k.conkey) and a.attname = any ($3::text[])
        order by array_position($3::text[], a.attname::text)
        limit 1) as dropped on true
where k.conname = any ($4::text[]) or dropped.name is not null
