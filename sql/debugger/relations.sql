-- Which tables does a change of one reach by itself, and of which does a statement's text not tell what it touches?
--
-- A row of a foreign key: the table that refers and the one that it refers to. Of a view, a table with triggers of its own, with rules, with row security, with heirs, or with
-- what is checked only at COMMIT, a row with its name and nothing beside.
SELECT c.relname::text AS name, p.relname::text AS refers_to
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_class AS p ON p.oid = k.confrelid
WHERE k.contype = 'f'
UNION
SELECT c.relname::text, NULL
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (
    c.relkind <> 'r'
    OR c.relhassubclass
    OR c.relispartition
    OR c.relhasrules
    OR c.relrowsecurity
    OR EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    OR EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.condeferrable)
    OR EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid)
  )
