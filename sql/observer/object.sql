-- What is this object called? One that somebody has made and not committed, or dropped, has no name that we could read.
--
-- Asked by itself: pg_identify_object fails for what it does not know. Its words are not translated, those of pg_describe_object are.
--
-- $1 its catalog's oid, $2 its own, $3 the number of its part
SELECT i.type, i.identity
FROM pg_identify_object($1::oid, $2::oid, $3::int) AS i
WHERE i.type IS NOT NULL AND i.identity IS NOT NULL
