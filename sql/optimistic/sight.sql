-- What shows a relation of the catalog without temporary ones (the private copies) and without statements and portals of our own: its number, and the name and the making of a view.
select c.oid::text,
       n.nspname || '.' || c.relname,
       format('create temp view %I as select * from %I.%I where %s', n.nspname || '.' || c.relname, n.nspname, c.relname,
              case when c.oid = 'pg_catalog.pg_class'::regclass
                   then format('relpersistence <> %L', 't')
                  when c.relname in ('pg_prepared_statements', 'pg_cursors')
                  then format('name !~ %L', '^overbooked_[0-9a-f]{16}')
                  when c.relname = 'pg_namespace' then format('nspname !~ %L', '^pg_(toast_)?temp_')
                  when c.relname = 'schemata' then format('schema_name !~ %L', '^pg_(toast_)?temp_')
                  when c.relname = 'pg_constraint'
                  then format('connamespace not in (select oid from pg_catalog.pg_namespace where nspname ~ %L)', '^pg_temp_')
                   else (select string_agg(format('coalesce(%I::text, %L) !~ %L', a.attname, '', '^pg_temp_'), ' and ')
                         from pg_catalog.pg_attribute a
                         where a.attrelid = c.oid
                           and a.attname in ('table_schema', 'view_schema', 'constraint_schema', 'object_schema', 'schemaname')) end)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any ($1::oid[])
