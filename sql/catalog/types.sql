-- Types as one JSON array, for the compiler's Catalog::from_json: what a request may cast to ('castable'), and of all
-- others what an enum or an array holds, since a column served may have a type of any schema. A type stands with its
-- array type, which always lies in the same schema; the few without one are PostgreSQL's own statistics and take no
-- value. Ask in the same REPEATABLE READ transaction as relations.sql.
-- Castable are PostgreSQL's own and those of the schemas in $1 (text[]). Never: reg… and aclitem, whose input answers
-- whether a table, function or role of any schema exists; pseudo types, which hold no value; row types, whose text no
-- client writes.
-- 'extension' stands only with a type that came with one, and 'json' only with a type that is not PostgreSQL's own and has
-- a cast to json: to_json and row_to_json use it, so that a value has parts.
with recursive bases(oid, base) as (
  select t.oid, case when t.typtype = 'd' then t.typbasetype else t.oid end
  from pg_catalog.pg_type t
  union all
  select b.oid, t.typbasetype
  from bases b
  join pg_catalog.pg_type t on t.oid = b.base and t.typtype = 'd'
),
labels as (
  select e.enumtypid, pg_catalog.json_agg(e.enumlabel order by e.enumsortorder) as list
  from pg_catalog.pg_enum e
  group by e.enumtypid
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_strip_nulls(pg_catalog.json_build_object(
  'schema', n.nspname,
  'name', t.typname,
  'array', a.typname,
  'base_type', case bn.nspname when 'pg_catalog' then bt.typname::text else '' end,
  'category', bt.typcategory,
  'castable', case n.nspname
    when 'pg_catalog' then t.typname not like 'reg%' and t.typname <> 'aclitem'
    else n.nspname = any ($1) and n.nspname not in ('auth', 'audit', 'api') end,
  'labels', coalesce(l.list, '[]'),
  'json', case when bn.nspname <> 'pg_catalog' and exists (
    select from pg_catalog.pg_cast k
    where k.castsource = b.base and k.casttarget = 'pg_catalog.json'::pg_catalog.regtype and k.castmethod = 'f'
  ) then true end,
  'extension', x.extname
)) order by n.nspname, t.typname), '[]')
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
join pg_catalog.pg_type a on a.oid = t.typarray
join bases b on b.oid = t.oid
join pg_catalog.pg_type bt on bt.oid = b.base and bt.typtype <> 'd'
join pg_catalog.pg_namespace bn on bn.oid = bt.typnamespace
left join labels l on l.enumtypid = b.base
left join pg_catalog.pg_depend m on m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and m.objid = t.oid and m.deptype = 'e'
left join pg_catalog.pg_extension x on x.oid = m.refobjid
where t.typtype in ('b', 'e', 'r', 'm', 'd')
  and t.typisdefined
  and (n.nspname = 'pg_catalog' or n.nspname <> 'information_schema' and n.nspname not like 'pg\_%')
