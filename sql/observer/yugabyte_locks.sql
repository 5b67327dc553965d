-- YugabyteDB: who holds or awaits which key?
--
-- Its pg_locks has no page and tuple but ybdetails: the transaction, those in its way, and the key's columns. Young transactions are hidden for a second by default, hence
-- yb_locks_min_txn_age (set on the connection by settings.sql). WEAK locks are on a key's prefixes and shut nobody out.
-- Written by the documentation, not tried on a server: every failure means "cannot be seen".
SELECT coalesce(a.application_name, '') AS application,
       l.ybdetails ->> 'transactionid' AS owner,
       coalesce(c.relname::text, '') AS relation,
       (SELECT string_agg(col.value, '-' ORDER BY col.place)
        FROM json_array_elements_text((l.ybdetails::json -> 'keyrangedetails') -> 'cols') WITH ORDINALITY AS col(value, place)) AS key,
       CASE WHEN (l.ybdetails ->> 'is_explicit')::boolean THEN 'explicit ' ELSE '' END || l.mode AS mode,
       l.granted,
       (SELECT array_agg(b.value) FROM json_array_elements_text(l.ybdetails::json -> 'blocked_by') AS b(value)) AS blocked_by
FROM pg_locks l
JOIN pg_stat_activity a ON a.yb_transaction_id::text = l.ybdetails ->> 'transactionid'
LEFT JOIN pg_class c ON c.oid = l.relation
WHERE l.locktype IN ('key', 'column') AND l.mode LIKE '%STRONG%'
