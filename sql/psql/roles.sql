-- Which roles would psql list for \du, and with which attributes?
--
-- A sheet with a title, heads and rows, as describe.sql gives it. {where} is about r, the role. What stands in braces behind `plus` is for \du+.
WITH role AS MATERIALIZED (
  SELECT r.rolname, concat_ws(', ', CASE WHEN r.rolsuper THEN 'Superuser' END, CASE WHEN NOT r.rolinherit THEN 'No inheritance' END,
      CASE WHEN r.rolcreaterole THEN 'Create role' END, CASE WHEN r.rolcreatedb THEN 'Create DB' END, CASE WHEN NOT r.rolcanlogin THEN 'Cannot login' END,
      CASE WHEN r.rolreplication THEN 'Replication' END, CASE WHEN r.rolbypassrls THEN 'Bypass RLS' END) AS flags,
    CASE WHEN r.rolconnlimit = 0 THEN 'No connections' WHEN r.rolconnlimit = 1 THEN '1 connection' WHEN r.rolconnlimit > 1 THEN r.rolconnlimit || ' connections' END AS connections,
    'Password valid until ' || r.rolvaliduntil AS until,
    ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON m.roleid = b.oid WHERE m.member = r.oid)::text AS member{plus ,
    coalesce(pg_catalog.shobj_description(r.oid, 'pg_authid'), '') AS description}
  FROM pg_catalog.pg_roles r
  WHERE {where}
), lines (part, name, cells) AS (
  SELECT 1, '', '["List of roles"]'::json
  UNION ALL SELECT 2, '', '["Role name","Attributes","Member of"{plus ,"Description"}]'
  UNION ALL SELECT 3, rolname::text, json_build_array(rolname, concat_ws(E'\n', nullif(flags, ''), connections, until), member{plus , description}) FROM role
)
SELECT 1 AS sheet, part, cells::text AS cells FROM lines ORDER BY part, name;
