-- Which of these names are relations: by the search path where no schema is given. Temporary tables (our own copies) and the
-- catalog are left out. Which are functions that may read tables, neither in C nor immutable nor in SQL that plainly names none, or
-- aggregates over such. And which are relations of the catalog that would show temporary tables, or what is our own.
select n.ord::text, c.oid::text, f.reads::text, k.oid::text
from unnest($1::text[], $2::text[]) with ordinality as n(schema, name, ord)
left join lateral (
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
    limit 1) as c on true
cross join lateral (
    select exists (select
                   from pg_catalog.pg_proc p
                   join pg_catalog.pg_namespace s on s.oid = p.pronamespace
                   left join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
                   join pg_catalog.pg_proc called
                        on called.oid in (p.oid, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn,
                                          a.aggminvtransfn, a.aggmfinalfn, a.aggserialfn, a.aggdeserialfn)
                   join pg_catalog.pg_language l on l.oid = called.prolang
                   -- What is no text is told with all that makes the function.
                   cross join lateral (
                       select case when called.prosrc = '' and called.prokind in ('f', 'p')
                                   then pg_catalog.pg_get_functiondef(called.oid)
                                   else called.prosrc end as body) as b
                   where p.proname = n.name
                     and p.oid >= 16384
                     and l.lanname not in ('internal', 'c')
                     and called.oid >= 16384
                     and called.provolatile <> 'i'
                     and not (l.lanname = 'sql'
                              and b.body !~* '\m(into|update|delete|merge|table|with|using|copy)\M|_to_xml|u&"'
                              -- FROM may be that of a function.
                              and (b.body !~* '\m(from|join)\M'
                                   or not exists (select from pg_catalog.pg_class r
                                                  where r.oid >= 16384 and r.relkind in ('r', 'p', 'v', 'm', 'f')
                                                    and position(lower(r.relname) in lower(b.body)) > 0))
                              and not exists (select from pg_catalog.pg_proc u
                                              where u.oid >= 16384 and u.oid <> called.oid
                                                and position(lower(u.proname) in lower(b.body)) > 0))
                     and (n.schema is null or s.nspname = n.schema)) as reads) as f
left join lateral (
    select k.oid
    from pg_catalog.pg_class k join pg_catalog.pg_namespace s on s.oid = k.relnamespace
    where k.relname = n.name
      and s.nspname in ('pg_catalog', 'information_schema')
      and coalesce(n.schema, 'pg_catalog') = s.nspname
      and (k.oid = 'pg_catalog.pg_class'::regclass
           or k.relname in ('pg_prepared_statements', 'pg_cursors', 'pg_namespace', 'pg_constraint', 'pg_attribute', 'pg_attrdef',
                            'pg_index', 'pg_type', 'pg_trigger', 'pg_roles', 'pg_user', 'schemata')
           or k.relkind = 'v'
              and exists (select from pg_catalog.pg_attribute a
                          where a.attrelid = k.oid
                            -- No view can have a column of any array: pg_stats.
                            and not exists (select from pg_catalog.pg_attribute y
                                            where y.attrelid = k.oid and y.atttypid = 'anyarray'::regtype)
                            and a.attname in ('table_schema', 'view_schema', 'constraint_schema', 'object_schema', 'schemaname')))
) as k on true
where c.oid is not null or f.reads or k.oid is not null
order by n.ord
