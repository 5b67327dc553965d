-- What changes with the definition of each of these relations, whoever changes it: how many rows of the catalog there are of it, and which
-- transactions wrote them. ALTER TABLE need not touch the relation's own row in pg_class.
select o.oid::text,
       concat_ws(',',
           (select count(*) || ':' || coalesce(sum(a.xmin::text::bigint), 0)
            from pg_catalog.pg_attribute a where a.attrelid = o.oid and a.attnum > 0),
           (select count(*) || ':' || coalesce(sum(d.xmin::text::bigint), 0)
            from pg_catalog.pg_attrdef d where d.adrelid = o.oid),
           (select count(*) || ':' || coalesce(sum(k.xmin::text::bigint), 0)
            from pg_catalog.pg_constraint k where k.conrelid = o.oid),
           (select count(*) || ':' || coalesce(sum(i.xmin::text::bigint), 0)
            from pg_catalog.pg_index i where i.indrelid = o.oid),
           (select count(*) || ':' || coalesce(sum(t.xmin::text::bigint), 0)
            from pg_catalog.pg_trigger t where t.tgrelid = o.oid),
           (select count(*) || ':' || coalesce(sum(r.xmin::text::bigint), 0)
            from pg_catalog.pg_rewrite r where r.ev_class = o.oid))
from unnest($1::oid[]) as o (oid)
