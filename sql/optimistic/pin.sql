-- The transaction's snapshot, which this very statement takes; how names are resolved; the transaction's own number; whether somebody
-- has put pg_temp where copies would not be found first; whether the client wants its transactions to read only.
select txid_current_snapshot()::text,
       array_to_json(current_schemas(false))::text,
       txid_current()::text,
       (current_setting('search_path') ~* 'pg_temp')::text,
       current_setting('default_transaction_read_only')
