-- A lock on the seat's number rather than on its row; it ends with the transaction.
select 1, 0 from pg_advisory_xact_lock('rush.seats'::regclass::oid::integer, $1)
