-- The first type among those of these columns that no key can have.
select pg_catalog.format_type(a.atttypid, null)
from subject join pg_catalog.pg_attribute a on a.attrelid = subject.oid and a.attname = any ($3::text[])
where a.atttypid in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype)
order by array_position($3::text[], a.attname::text)
limit 1
