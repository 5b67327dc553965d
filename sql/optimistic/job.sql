-- What a job is about that a statement on this table has given: the index of this name that was made last, or the constraint. The
-- number of the catalog in which it stands, its own, and its name.
select object.class::oid::text, object.number::text, object.name
from (select 'pg_catalog.pg_class'::regclass as class, i.indexrelid as number, subject.nspname || '.' || c.relname as name
      from subject join pg_catalog.pg_index i on i.indrelid = subject.oid join pg_catalog.pg_class c on c.oid = i.indexrelid
      where $4 = 'INDEX_BUILD' and ($3::text is null or c.relname = $3)
      union all
      select 'pg_catalog.pg_constraint'::regclass, k.oid, subject.nspname || '.' || k.conname
      from subject join pg_catalog.pg_constraint k on k.conrelid = subject.oid
      where $4 = 'VALIDATE_CONSTRAINT' and k.conname = $3) as object
order by object.number desc
limit 1
