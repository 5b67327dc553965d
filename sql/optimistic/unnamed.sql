-- An operator, a cast or a domain that calls a function which may read tables (neither in C nor immutable), in words; no row where
-- there is none.
with reading as (
    select p.oid, p.proname
    from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
    where p.oid >= 16384 and l.lanname not in ('internal', 'c') and p.provolatile <> 'i'),
calls(caller, oid, proname) as (
    select 'operator ' || o.oprname, r.oid, r.proname
    from pg_catalog.pg_operator o join reading r on r.oid = o.oprcode
    union all
    select format('the cast from %s to %s', c.castsource::regtype, c.casttarget::regtype), r.oid, r.proname
    from pg_catalog.pg_cast c join reading r on r.oid = c.castfunc
    union all
    select 'domain ' || k.contypid::regtype, r.oid, r.proname
    from pg_catalog.pg_constraint k
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_constraint'::regclass and d.objid = k.oid
                               and d.refclassid = 'pg_catalog.pg_proc'::regclass
    join reading r on r.oid = d.refobjid
    where k.contypid <> 0)
select format('%s calls %s(), which may read tables: where there is such a thing, no table can be used', caller, proname)
from calls
order by caller
limit 1
