-- The table $1.$2, by the search path where no schema is given; copies are left out. What follows asks about it.
with subject as (
    select t.oid, s.nspname
    from pg_catalog.pg_class t join pg_catalog.pg_namespace s on s.oid = t.relnamespace
    where t.relname = $2 and t.relpersistence <> 't'
      and case when $1::text is null then s.nspname = any (current_schemas(false)) else s.nspname = $1 end
    order by array_position(current_schemas(false), s.nspname)
    limit 1)
