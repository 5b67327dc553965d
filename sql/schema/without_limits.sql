-- Lifts those of these timeouts that the server knows: idle_session_timeout exists since 14, transaction_timeout since 17.
--
-- $1: their names; $2: whether for this transaction alone
select pg_catalog.set_config(name, '0', $2) from pg_catalog.pg_settings where name = any ($1::text[])
