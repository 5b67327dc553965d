-- The transaction's snapshot, which this very statement takes; a number that changes with the schema; how names are
-- resolved; the transaction's own number; whether somebody has put pg_temp where copies would not be found first; whether the client
-- wants its transactions to read only.
select txid_current_snapshot()::text,
       (select count(*) || ':' || coalesce(sum(c.xmin::text::bigint), 0)
        from pg_catalog.pg_class c
        where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f'))
       || (select ':' || count(*) || ':' || coalesce(sum(p.xmin::text::bigint), 0)
           from pg_catalog.pg_proc p where p.oid >= 16384)
       || (select ':' || count(*) from pg_catalog.pg_operator o where o.oid >= 16384)
       || (select ':' || count(*) from pg_catalog.pg_cast c where c.oid >= 16384)
       || (select ':' || count(*) from pg_catalog.pg_constraint k where k.contypid >= 16384),
       array_to_json(current_schemas(false))::text,
       txid_current()::text,
       (current_setting('search_path') ~* 'pg_temp')::text,
       current_setting('default_transaction_read_only')
