-- A role of this name, and as whom the session works: number and name of each.
select r.oid::text, r.rolname::text, s.oid::text, s.rolname::text
from pg_catalog.pg_roles r join pg_catalog.pg_roles s on s.rolname = current_user
where r.rolname = $1
