-- All that the private copy of a relation needs to know of it, as JSON.
select json_build_object(
    'oid', c.oid::bigint,
    'schema', n.nspname,
    'name', c.relname,
    'kind', c.relkind,
    'options', c.reloptions,
    'inherits', c.relispartition or exists (select from pg_catalog.pg_inherits i
                                            where i.inhrelid = c.oid or i.inhparent = c.oid),
    'uncopied', array_remove(array[
        case when exists (select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal)
             then 'triggers' end,
        case when exists (select from pg_catalog.pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN')
             then 'rules' end,
        case when c.relrowsecurity then 'row security' end], null),
    'checks', (select json_agg(pg_catalog.pg_get_constraintdef(k.oid) order by k.conname)
               from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'c'),
    'late_checks', (select json_agg(json_build_object(
                        'name', k.conname,
                        'expression', pg_catalog.pg_get_expr(k.conbin, k.conrelid)) order by k.conname)
                    from pg_catalog.pg_constraint k
                    where k.conrelid = c.oid and k.contype = 'c' and not k.convalidated),
    'columns', (select json_agg(json_build_object(
                    'name', a.attname,
                    'number', a.attnum,
                    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                    'array_of', pg_catalog.format_type(a.atttypid, null),
                    'not_null', a.attnotnull,
                    'generated', a.attgenerated <> '',
                    'identity', a.attidentity,
                    'sequence', (select format('%I.%I', sn.nspname, s.relname)
                                 from pg_catalog.pg_depend d
                                 join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
                                 join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
                                 where d.classid = 'pg_catalog.pg_class'::regclass
                                   and d.refclassid = 'pg_catalog.pg_class'::regclass
                                   and d.refobjid = c.oid and d.refobjsubid = a.attnum and d.deptype in ('a', 'i')
                                 limit 1),
                    'default', pg_catalog.pg_get_expr(v.adbin, v.adrelid)) order by a.attnum)
                from pg_catalog.pg_attribute a
                left join pg_catalog.pg_attrdef v on v.adrelid = a.attrelid and v.adnum = a.attnum
                where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'indexes', (select json_agg(json_build_object(
                    'name', x.relname,
                    'primary', i.indisprimary,
                    'immediate', i.indimmediate,
                    'plain', i.indpred is null and i.indexprs is null,
                    'constraint', exists (select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')),
                    'definition', pg_catalog.pg_get_indexdef(i.indexrelid),
                    'columns', (select json_agg(a.attname order by p.place)
                                from unnest(i.indkey::int2[]) with ordinality as p(attnum, place)
                                join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = p.attnum
                                where p.place <= i.indnkeyatts)) order by i.indisprimary desc, x.relname)
                from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
                where i.indrelid = c.oid and i.indisunique),
    'constraints', (select json_agg(json_build_object(
                        'oid', k.oid::bigint,
                        'name', k.conname,
                        'type', k.contype,
                        'definition', pg_catalog.pg_get_constraintdef(k.oid),
                        'refers_to', k.confrelid::bigint,
                        'columns', (select json_agg(a.attname order by p.place)
                                    from unnest(k.conkey) with ordinality as p(attnum, place)
                                    join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.attnum
                                    where k.contype = 'f'),
                        'referred', (select json_agg(a.attname order by p.place)
                                     from unnest(k.confkey) with ordinality as p(attnum, place)
                                     join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.attnum
                                     where k.contype = 'f'),
                        -- Of values of one type under one collation it is plain which are the same.
                        'is_simple', k.contype <> 'f' or k.confmatchtype = 's' and k.convalidated and not exists (
                            select from unnest(k.conkey, k.confkey) as p(own, referred)
                            join pg_catalog.pg_attribute o on o.attrelid = k.conrelid and o.attnum = p.own
                            join pg_catalog.pg_attribute r on r.attrelid = k.confrelid and r.attnum = p.referred
                            left join pg_catalog.pg_collation l on l.oid = r.attcollation
                            where o.attcollation <> r.attcollation
                               or not coalesce(l.collisdeterministic, true)
                               or o.atttypid <> r.atttypid
                              and not (array[o.atttypid, r.atttypid] <@ array['int2', 'int4', 'int8']::regtype[]::oid[])
                              and not (array[o.atttypid, r.atttypid] <@ array['text', 'varchar']::regtype[]::oid[])),
                        'acts', k.contype = 'f' and (k.confdeltype not in ('a', 'r') or k.confupdtype not in ('a', 'r')))
                        -- Foreign keys are checked in the order in which they were made.
                        order by k.contype = 'f', case when k.contype <> 'f' then k.conindid end, k.oid)
                    from pg_catalog.pg_constraint k
                    where k.conrelid = c.oid and k.contype in ('p', 'u', 'x', 'f')),
    'actions', (select json_build_object('on_delete', bool_or(k.confdeltype <> 'a'),
                                         'on_update', bool_or(k.confupdtype not in ('a', 'r')))
                from pg_catalog.pg_constraint k
                where k.confrelid = c.oid and k.contype = 'f'
                  and not exists (select from pg_catalog.pg_index i
                                  where i.indexrelid = k.conindid and i.indisprimary)),
    'referred_by', (select json_agg(distinct k.conrelid::bigint)
                    from pg_catalog.pg_constraint k where k.confrelid = c.oid and k.contype = 'f'),
    'definition', case when c.relkind = 'v' then pg_catalog.pg_get_viewdef(c.oid) end)::text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any ($1::oid[])
