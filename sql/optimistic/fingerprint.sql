-- A number that changes with the schema, whoever changes it.
select (select count(*) || ':' || coalesce(sum(c.xmin::text::bigint), 0)
        from pg_catalog.pg_class c
        where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f'))
       || (select ':' || count(*) || ':' || coalesce(sum(p.xmin::text::bigint), 0)
           from pg_catalog.pg_proc p where p.oid >= 16384)
       || (select ':' || count(*) from pg_catalog.pg_operator o where o.oid >= 16384)
       || (select ':' || count(*) from pg_catalog.pg_cast c where c.oid >= 16384)
       || (select ':' || count(*) from pg_catalog.pg_constraint k where k.contypid >= 16384)
