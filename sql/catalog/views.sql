-- What lies behind the views and materialised views of the schemas in $1 (text[]), as one JSON array, for the compiler's
-- Catalog::from_json: each of them with the tree of its query ('tree'), and all views and tables below, of whatever
-- schema, with their keys. A table's key is seen at a view through the columns that come straight from the table, and
-- only the tree says which those are: pg_depend knows that a column is read, not where it comes out. Every role may read
-- the trees. Ask in the same REPEATABLE READ transaction as relations.sql.
-- 'columns' has null for a column that was dropped; keys are positions in it, counted from 1. Keys are those of
-- relations.sql, except of a table with children, whose rows repeat what they like.
with recursive reached(oid) as (
  select c.oid
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1)
    and n.nspname not in ('auth', 'audit', 'api', 'information_schema')
    and n.nspname not like 'pg\_%'
    and c.relkind in ('v', 'm')
  union
  select d.refobjid
  from reached r
  join pg_catalog.pg_rewrite w on w.ev_class = r.oid and w.ev_type = '1'
  join pg_catalog.pg_depend d on d.objid = w.oid and d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
),
known as materialized (
  select c.oid, c.relkind, n.nspname, c.relname, c.relkind = 'r' and c.relhassubclass as has_children
  from reached r
  join pg_catalog.pg_class c on c.oid = r.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and n.nspname <> 'information_schema'
    and n.nspname not like 'pg\_%'
),
columns as (
  select k.oid, pg_catalog.json_agg(case when not a.attisdropped then a.attname end order by a.attnum) as list
  from known k
  join pg_catalog.pg_attribute a on a.attrelid = k.oid and a.attnum > 0
  group by k.oid
),
keys as (
  select k.oid,
         pg_catalog.json_agg(n.columns order by i.indexrelid) as list,
         pg_catalog.json_agg(n.columns) filter (where i.indisprimary) -> 0 as primary_key
  from known k
  join pg_catalog.pg_index i on i.indrelid = k.oid
  -- An int2vector counts from 0.
  cross join lateral (select pg_catalog.to_json((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])) as n(columns)
  where i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
    and not k.has_children
  group by k.oid
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', k.oid::pg_catalog.int8,
  'schema', k.nspname,
  'name', k.relname,
  'columns', coalesce(c.list, '[]'),
  'primary_key', coalesce(u.primary_key, '[]'),
  'unique_keys', coalesce(u.list, '[]'),
  'tree', w.ev_action::pg_catalog.text
) order by k.nspname, k.relname), '[]')
from known k
left join columns c on c.oid = k.oid
left join keys u on u.oid = k.oid
left join pg_catalog.pg_rewrite w on w.ev_class = k.oid and w.ev_type = '1' and k.relkind in ('v', 'm')
