-- Which of these names are relations: by the search path where no schema is given. Temporary tables (our own copies) and the
-- catalog are left out.
select n.ord::text, c.oid::text
from unnest($1::text[], $2::text[]) with ordinality as n(schema, name, ord)
cross join lateral (
    select c.oid
    from pg_catalog.pg_class c join pg_catalog.pg_namespace s on s.oid = c.relnamespace
    where c.relname = n.name
      and c.relkind in ('r', 'p', 'v', 'm', 'f')
      and c.relpersistence <> 't'
      and s.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and case when n.schema is null
               then s.nspname = any (current_schemas(false))
                    and not exists (select from pg_catalog.pg_class k
                                    where k.relname = n.name and k.relnamespace = 'pg_catalog'::regnamespace)
               else s.nspname = n.schema end
    order by array_position(current_schemas(false), s.nspname)
    limit 1) as c
order by n.ord
