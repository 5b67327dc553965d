-- The lock that a living run holds on its schema's name until its connection ends. $1: our class; $2: the name.
select pg_catalog.pg_try_advisory_lock($1, pg_catalog.hashtext($2))
