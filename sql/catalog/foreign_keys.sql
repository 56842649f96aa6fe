-- Foreign keys between relations of the schemas in $1 (text[]), and those of others that some view reads, since a key is
-- also seen through views; as one JSON array, for the compiler's Catalog::from_json. Ask in the same REPEATABLE READ
-- transaction as relations.sql: both then see one state.
-- The copies that partitions inherit are left out: the key of the partitioned table speaks for them. So are keys over
-- periods (PostgreSQL 18), whose rows are not found by equality.
with read_by_views as materialized (
  select distinct d.refobjid as oid
  from pg_catalog.pg_depend d
  where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
    and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
),
columns as (
  select k.oid,
         pg_catalog.json_agg(f.attname order by p.position) as names,
         pg_catalog.json_agg(t.attname order by p.position) as to_names
  from pg_catalog.pg_constraint k
  cross join lateral rows from (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey))
    with ordinality as p(attnum, to_attnum, position)
  join pg_catalog.pg_attribute f on f.attrelid = k.conrelid and f.attnum = p.attnum
  join pg_catalog.pg_attribute t on t.attrelid = k.confrelid and t.attnum = p.to_attnum
  where k.contype = 'f' and k.conparentid = 0
    and not k.conpfeqop && array(select o.oid from pg_catalog.pg_operator o where o.oprname = '&&')
  group by k.oid
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'name', k.conname,
  'schema', n.nspname,
  'table', c.relname,
  'columns', l.names,
  'to_schema', tn.nspname,
  'to_table', tc.relname,
  'to_columns', l.to_names
) order by n.nspname, c.relname, k.conname), '[]')
from columns l
join pg_catalog.pg_constraint k on k.oid = l.oid
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class tc on tc.oid = k.confrelid
join pg_catalog.pg_namespace tn on tn.oid = tc.relnamespace
where (n.nspname = any ($1) or c.oid in (select r.oid from read_by_views r))
  and (tn.nspname = any ($1) or tc.oid in (select r.oid from read_by_views r))
