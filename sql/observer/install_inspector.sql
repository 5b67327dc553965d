-- Makes the functions of pageinspect that versions.sql needs, for this connection alone: the extension's name and its functions' stay free for everybody
-- else. On a server of our own only. One message, so one transaction.
--
-- The observer's connections are read only and impatient: both are lifted for this transaction alone. The library of every later version still has what
-- these declarations of PostgreSQL 12 name.
SET LOCAL transaction_read_only = off;
SET LOCAL statement_timeout = '30s';
SET LOCAL lock_timeout = '10s';
CREATE FUNCTION pg_temp.get_raw_page(text, int4) RETURNS bytea
  AS '$libdir/pageinspect', 'get_raw_page' LANGUAGE c STRICT;
CREATE FUNCTION pg_temp.heap_page_items(
  page bytea,
  OUT lp smallint, OUT lp_off smallint, OUT lp_flags smallint, OUT lp_len smallint,
  OUT t_xmin xid, OUT t_xmax xid, OUT t_field3 int4, OUT t_ctid tid,
  OUT t_infomask2 integer, OUT t_infomask integer, OUT t_hoff smallint,
  OUT t_bits text, OUT t_oid oid, OUT t_data bytea
) RETURNS SETOF record
  AS '$libdir/pageinspect', 'heap_page_items' LANGUAGE c STRICT;
CREATE FUNCTION pg_temp.tuple_data_split(rel_oid oid, t_data bytea, t_infomask integer, t_infomask2 integer, t_bits text)
  RETURNS bytea[]
  AS '$libdir/pageinspect', 'tuple_data_split' LANGUAGE c;
