-- What shows a relation of the catalog without temporary ones (the private copies) and without statements, portals and a role of our own: its number, and the name and the making of a view.
select c.oid::text,
       n.nspname || '.' || c.relname,
       format('create temp view %I as select %s from %I.%I where %s', n.nspname || '.' || c.relname,
              -- No view has a column of any array: pg_attribute.
              (select string_agg(case when a.atttypid = 'anyarray'::regtype then format('%1$I::text as %1$I', a.attname)
                                      else quote_ident(a.attname) end, ', ' order by a.attnum)
               from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0),
              n.nspname, c.relname,
              case when c.oid = 'pg_catalog.pg_class'::regclass
                   then format('relpersistence <> %L', 't')
                  when c.relname in ('pg_prepared_statements', 'pg_cursors')
                  then format('name !~ %L', '^overbooked_[0-9a-f]{16}')
                  when c.relname = 'pg_roles' then format('rolname <> %L', 'overbooked')
                  when c.relname = 'pg_user' then format('usename <> %L', 'overbooked')
                  when c.relname = 'pg_namespace' then format('nspname !~ %L', '^pg_(toast_)?temp_')
                  when c.relname = 'schemata' then format('schema_name !~ %L', '^pg_(toast_)?temp_')
                  when c.relname in ('pg_constraint', 'pg_type')
                  then format('%I not in (select oid from pg_catalog.pg_namespace where nspname ~ %L)',
                              case c.relname when 'pg_type' then 'typnamespace' else 'connamespace' end, '^pg_temp_')
                  when c.relname in ('pg_attribute', 'pg_attrdef', 'pg_index', 'pg_trigger')
                  then format('%I not in (select oid from pg_catalog.pg_class where relpersistence = %L)',
                              case c.relname when 'pg_attribute' then 'attrelid' when 'pg_attrdef' then 'adrelid'
                                             when 'pg_index' then 'indrelid' else 'tgrelid' end, 't')
                   else (select string_agg(format('coalesce(%I::text, %L) !~ %L', a.attname, '', '^pg_temp_'), ' and ')
                         from pg_catalog.pg_attribute a
                         where a.attrelid = c.oid
                           and a.attname in ('table_schema', 'view_schema', 'constraint_schema', 'object_schema', 'schemaname')) end)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any ($1::oid[])
