-- Tables, views, materialised views and foreign tables of the schemas in $1 (text[]), as one JSON array: what the
-- compiler's Catalog::from_json reads. Runs as a login role without any table privilege; PostgreSQL 14 to 18.
-- Everything is joined set-wise: a correlated look-up per table costs seconds where there are thousands. 2,000 tables
-- of ten columns take about 350 ms on PostgreSQL 15; JIT compilation of these joins would add 130 and is best off.
-- The schemas below never appear, whatever $1 says: a name that is not in the catalog cannot be asked for.
-- 'grants' is for describing the database, never for deciding: PostgreSQL does that. It has four bits for each role (anon
-- lowest, then authenticated, then service_role): 1 select, 2 insert, 4 update, 8 delete. A column has its own only where
-- something was granted on columns; whatever is granted on the table holds for it anyway.
with recursive served as materialized (
  select c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, c.relhasrules
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = any ($1)
    and n.nspname not in ('auth', 'audit', 'api', 'information_schema')
    and n.nspname not like 'pg\_%'
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
),
-- A domain behaves like the type below it, through any number of domains, and may forbid NULL at each of them.
bases(oid, base, not_null) as (
  select t.oid, case when t.typtype = 'd' then t.typbasetype else t.oid end, t.typtype = 'd' and t.typnotnull
  from pg_catalog.pg_type t
  union all
  select b.oid, t.typbasetype, b.not_null or t.typnotnull
  from bases b
  join pg_catalog.pg_type t on t.oid = b.base and t.typtype = 'd'
),
types as materialized (
  select t.oid, tn.nspname, t.typname, bt.typname as base_name, bn.nspname as base_schema, bt.typcategory as category,
         b.not_null
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  join bases b on b.oid = t.oid
  join pg_catalog.pg_type bt on bt.oid = b.base and bt.typtype <> 'd'
  join pg_catalog.pg_namespace bn on bn.oid = bt.typnamespace
),
roles as materialized (
  select r.oid, 4 * (w.place::pg_catalog.int4 - 1) as shift
  from pg_catalog.unnest(array['anon', 'authenticated', 'service_role']) with ordinality as w(name, place)
  join pg_catalog.pg_roles r on r.rolname = w.name
),
grants as (
  select s.oid,
         pg_catalog.sum((
           pg_catalog.has_table_privilege(r.oid, s.oid, 'SELECT')::pg_catalog.int4
           + pg_catalog.has_table_privilege(r.oid, s.oid, 'INSERT')::pg_catalog.int4 * 2
           + pg_catalog.has_table_privilege(r.oid, s.oid, 'UPDATE')::pg_catalog.int4 * 4
           + pg_catalog.has_table_privilege(r.oid, s.oid, 'DELETE')::pg_catalog.int4 * 8
         ) << r.shift) as bits
  from served s
  cross join roles r
  group by s.oid
),
columns as (
  select a.attrelid,
         pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', a.attname,
           'type_schema', t.nspname,
           'type_name', t.typname,
           'base_type', case t.base_schema when 'pg_catalog' then t.base_name::text else '' end,
           'category', t.category,
           'nullable', not (a.attnotnull or t.not_null),
           'has_default', a.atthasdef or a.attidentity <> '',
           'generation', case
             when a.attgenerated <> '' then 'computed'
             when a.attidentity = 'a' then 'identity_always'
             when a.attidentity = 'd' then 'identity_by_default'
             else 'none' end,
           'comment', d.description,
           'grants', case when a.attacl is not null then (
             select pg_catalog.sum((
               pg_catalog.has_column_privilege(r.oid, a.attrelid, a.attnum, 'SELECT')::pg_catalog.int4
               + pg_catalog.has_column_privilege(r.oid, a.attrelid, a.attnum, 'INSERT')::pg_catalog.int4 * 2
               + pg_catalog.has_column_privilege(r.oid, a.attrelid, a.attnum, 'UPDATE')::pg_catalog.int4 * 4
             ) << r.shift)
             from roles r
           ) end
         ) order by a.attnum) as list
  from served s
  join pg_catalog.pg_attribute a on a.attrelid = s.oid and a.attnum > 0 and not a.attisdropped
  join types t on t.oid = a.atttypid
  left join pg_catalog.pg_description d
    on d.objoid = a.attrelid and d.objsubid = a.attnum and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
  group by a.attrelid
),
-- Unique indexes rather than constraints: an index made by CREATE UNIQUE INDEX pins a row just as well.
-- Left out: partial ones, ones over expressions, invalid ones, and deferrable ones (two rows may exist for a while).
key_columns as (
  select i.indexrelid, i.indrelid, i.indisprimary, pg_catalog.json_agg(a.attname order by k.position) as names
  from served s
  join pg_catalog.pg_index i on i.indrelid = s.oid
  cross join lateral pg_catalog.unnest(i.indkey::pg_catalog.int2[]) with ordinality as k(attnum, position)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
  where i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and i.indexprs is null
    and k.position <= i.indnkeyatts
  group by i.indexrelid
),
keys as (
  select k.indrelid,
         pg_catalog.json_agg(k.names order by k.indexrelid) as list,
         pg_catalog.json_agg(k.names) filter (where k.indisprimary) -> 0 as primary_key
  from key_columns k
  group by k.indrelid
),
-- Bits of the answer: 4 update, 8 insert, 16 delete. INSTEAD OF triggers and rules count.
writable as (
  select s.oid,
         case when s.relkind in ('r', 'p') then 28
              when s.relkind = 'm' then 0
              else pg_catalog.pg_relation_is_updatable(s.oid, true) end as events
  from served s
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'schema', s.nspname,
  'name', s.relname,
  'kind', case s.relkind when 'v' then 'view' when 'm' then 'materialized_view' when 'f' then 'foreign_table' else 'table' end,
  'insertable', w.events & 8 <> 0,
  'updatable', w.events & 4 <> 0,
  'deletable', w.events & 16 <> 0,
  'row_security', s.relrowsecurity,
  'has_rules', s.relhasrules,
  'comment', d.description,
  'grants', coalesce(g.bits, 0),
  'columns', coalesce(c.list, '[]'),
  'primary_key', coalesce(k.primary_key, '[]'),
  'unique_keys', coalesce(k.list, '[]')
) order by s.nspname, s.relname), '[]')
from served s
join writable w on w.oid = s.oid
left join grants g on g.oid = s.oid
left join columns c on c.attrelid = s.oid
left join keys k on k.indrelid = s.oid
left join pg_catalog.pg_description d
  on d.objoid = s.oid and d.objsubid = 0 and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
