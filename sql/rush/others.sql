-- Which transactions of others have our tables open at this moment.
select l.virtualtransaction from pg_catalog.pg_locks l
where l.locktype = 'relation' and l.pid <> pg_backend_pid()
  and l.relation in ('rush.seats'::regclass, 'rush.bookings'::regclass)
