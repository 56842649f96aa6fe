-- The schemas in $1 (text[]), as one JSON array, for the compiler's Catalog::from_json. 'usage' has bit 0 for anon, bit 1
-- for authenticated and bit 2 for service_role. The schemas below never appear, as in relations.sql.
with roles as (
  select r.oid, 1 << (w.place::pg_catalog.int4 - 1) as bit
  from pg_catalog.unnest(array['anon', 'authenticated', 'service_role']) with ordinality as w(name, place)
  join pg_catalog.pg_roles r on r.rolname = w.name
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'name', n.nspname,
  'comment', d.description,
  'usage', (
    select coalesce(pg_catalog.sum(r.bit), 0) from roles r where pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE')
  )
) order by n.nspname), '[]')
from pg_catalog.pg_namespace n
left join pg_catalog.pg_description d
  on d.objoid = n.oid and d.objsubid = 0 and d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
where n.nspname = any ($1)
  and n.nspname not in ('auth', 'audit', 'api', 'information_schema')
  and n.nspname not like 'pg\_%'
