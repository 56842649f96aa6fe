-- What anon, authenticated and service_role hold by being members of other roles, as one text that is only ever compared
-- with itself. Roles and memberships belong to the whole cluster, so PostgreSQL fires no event trigger for GRANT role,
-- REVOKE role and ALTER ROLE: the server asks once a second. By the index of members, so that the cost follows the roles
-- that these three reach and not how many there are. to_json brings the options of a membership, which PostgreSQL 16 has more of.
with recursive reached(oid) as (
  select r.oid from pg_catalog.pg_roles r where r.rolname in ('anon', 'authenticated', 'service_role')
  union
  select m.roleid from reached x join pg_catalog.pg_auth_members m on m.member = x.oid
)
select coalesce(pg_catalog.string_agg(pg_catalog.concat_ws(' ', r.oid, r.rolinherit, r.rolsuper, m.of), ';' order by r.oid), '')
from reached x
join pg_catalog.pg_roles r on r.oid = x.oid
cross join lateral (
  select pg_catalog.string_agg(pg_catalog.to_json(m)::pg_catalog.text, ',' order by m.roleid, m.grantor) as of
  from pg_catalog.pg_auth_members m
  where m.member = x.oid
) m
