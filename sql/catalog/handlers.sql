-- Aggregates that make a body of rows, as one JSON array, for the compiler's Catalog::from_json: of the schemas in $1
-- (text[]), with one argument of the row type of a relation there, and giving a domain whose name is a media type. Ask in
-- the same REPEATABLE READ transaction as relations.sql. The schemas below never appear, as there.
-- Only of whoever the relation belongs to, or of a superuser: they run as the one who asks for rows, who did not choose
-- them, and may stand in for what the server would have made itself. So who may make functions in the schema is not enough.
with recursive bases(oid, base) as (
  select t.oid, case when t.typtype = 'd' then t.typbasetype else t.oid end
  from pg_catalog.pg_type t
  union all
  select b.oid, t.typbasetype
  from bases b
  join pg_catalog.pg_type t on t.oid = b.base and t.typtype = 'd'
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'schema', n.nspname,
  'name', p.proname,
  'relation_schema', s.nspname,
  'relation', c.relname,
  'media_type', t.typname,
  'base_type', case bt.typnamespace when 'pg_catalog'::pg_catalog.regnamespace then bt.typname::text else '' end
) order by n.nspname, p.proname, s.nspname, c.relname), '[]')
from pg_catalog.pg_aggregate a
join pg_catalog.pg_proc p on p.oid = a.aggfnoid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_type t on t.oid = p.prorettype and t.typtype = 'd'
join bases b on b.oid = t.oid
join pg_catalog.pg_type bt on bt.oid = b.base and bt.typtype <> 'd'
join pg_catalog.pg_class c on c.reltype = p.proargtypes[0]
join pg_catalog.pg_namespace s on s.oid = c.relnamespace
join pg_catalog.pg_roles o on o.oid = p.proowner
where a.aggkind = 'n' and p.pronargs = 1 and p.provariadic = 0
  and (p.proowner = c.relowner or o.rolsuper)
  and n.nspname = any ($1) and s.nspname = any ($1)
  and n.nspname not in ('auth', 'audit', 'api', 'information_schema') and n.nspname not like 'pg\_%'
