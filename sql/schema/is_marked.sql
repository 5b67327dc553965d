-- Whether this schema still carries this mark. $1: its number; $2: its name; $3: the mark.
select exists (
  select from pg_catalog.pg_namespace n
  join pg_catalog.pg_description d
    on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::regclass and d.objsubid = 0
  where n.oid::bigint = $1 and n.nspname::text = $2 and d.description = $3
)
