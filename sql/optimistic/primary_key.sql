-- What of a table's primary key is among these columns and these constraints: itself, or a column by its name.
select k.conname = any ($4::text[]), dropped.name
from subject join pg_catalog.pg_constraint k on k.conrelid = subject.oid and k.contype = 'p'
    left join lateral (
        select a.attname as name
        from pg_catalog.pg_attribute a
        where a.attrelid = subject.oid and a.attnum = any (k.conkey) and a.attname = any ($3::text[])
        order by array_position($3::text[], a.attname::text)
        limit 1) as dropped on true
where k.conname = any ($4::text[]) or dropped.name is not null
