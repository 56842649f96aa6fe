-- Functions and procedures of the schemas in $1 (text[]) that a request could call, as one JSON array, for the compiler's
-- Catalog::from_json. Ask in the same REPEATABLE READ transaction as relations.sql, whose rows some of them return.
-- Left out: trigger functions, aggregates and window functions, all whose arguments or result are of a pseudo type
-- (anyelement, internal, cstring …), for which no value can be written, and the constructors that every range type brings
-- (internal dependencies of the type). The schemas below never appear, as there.
-- 'returns.kind' is scalar, void, row (its columns are known) or record (they are not). Several OUT arguments, a named
-- one and RETURNS TABLE make a row; one OUT argument without a name does not, and one of a row type is that row.
-- 'one': at most one row comes back, as a function without SETOF or one with ROWS 1 promises. 'execute' has a bit for each
-- role, as has 'usage' of schemas.sql.
with recursive bases(oid, base) as (
  select t.oid, case when t.typtype = 'd' then t.typbasetype else t.oid end
  from pg_catalog.pg_type t
  union all
  select b.oid, t.typbasetype
  from bases b
  join pg_catalog.pg_type t on t.oid = b.base and t.typtype = 'd'
),
types as materialized (
  select t.oid, tn.nspname, t.typname, t.typtype, bt.typname as base_name, bn.nspname as base_schema,
         bt.typtype as base_kind, bt.typrelid as base_relation, bt.typcategory as category,
         case bn.nspname when 'pg_catalog' then bt.typname::text else '' end as base_type
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  join bases b on b.oid = t.oid
  join pg_catalog.pg_type bt on bt.oid = b.base and bt.typtype <> 'd'
  join pg_catalog.pg_namespace bn on bn.oid = bt.typnamespace
),
roles as materialized (
  select r.oid, 1 << (w.place::pg_catalog.int4 - 1) as bit
  from pg_catalog.unnest(array['anon', 'authenticated', 'service_role']) with ordinality as w(name, place)
  join pg_catalog.pg_roles r on r.rolname = w.name
),
candidates as materialized (
  select p.oid, n.nspname, p.proname, p.prokind, p.proretset, p.prorows, p.provolatile, p.pronargs, p.pronargdefaults,
         coalesce(p.proallargtypes, p.proargtypes::pg_catalog.oid[]) as types, p.proargmodes, p.proargnames,
         r.nspname as type_schema, r.typname as type_name, r.base_schema, r.base_name, r.base_kind, r.base_relation,
         r.base_type, r.category, r.typtype as return_kind
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  join types r on r.oid = p.prorettype
  where n.nspname = any ($1)
    and n.nspname not in ('auth', 'audit', 'api', 'information_schema')
    and n.nspname not like 'pg\_%'
    and p.prokind in ('f', 'p')
    and (r.typtype <> 'p' or r.typname in ('void', 'record'))
    and not exists (
      select from pg_catalog.pg_depend i
      where i.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and i.objid = p.oid and i.deptype = 'i'
    )
),
arguments as materialized (
  select c.oid, a.position, a.mode in ('i', 'b', 'v') as is_input, a.mode in ('o', 'b', 't') as is_output,
         nullif(a.name, '') as name, a.mode, t.nspname, t.typname, t.typtype, t.base_type, t.category,
         pg_catalog.count(*) filter (where a.mode in ('i', 'b', 'v')) over before as input,
         pg_catalog.count(*) filter (where a.mode in ('o', 'b', 't')) over before as output,
         c.pronargs - c.pronargdefaults as required
  from candidates c
  cross join lateral (
    select u.type, coalesce(u.mode, 'i') as mode, u.name, u.position
    from rows from (pg_catalog.unnest(c.types), pg_catalog.unnest(c.proargmodes), pg_catalog.unnest(c.proargnames))
      with ordinality as u(type, mode, name, position)
  ) a
  join types t on t.oid = a.type
  window before as (partition by c.oid order by a.position)
),
inputs as (
  select a.oid, pg_catalog.bool_or(a.typtype = 'p') as pseudo,
         pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', a.name,
           'type_schema', a.nspname,
           'type_name', a.typname,
           'base_type', a.base_type,
           'category', a.category,
           'mode', case a.mode when 'i' then 'in' when 'b' then 'in_out' else 'variadic' end,
           'has_default', a.input > a.required
         ) order by a.position) as list,
         -- Overloads in an order of their own, not in that of their making.
         pg_catalog.string_agg(a.typname || '.' || a.nspname, ' ' order by a.position) as signature
  from arguments a
  where a.is_input
  group by a.oid
),
outputs as (
  select a.oid,
         pg_catalog.json_agg(pg_catalog.json_build_object(
           -- The name PostgreSQL makes up.
           'name', coalesce(a.name, 'column' || a.output),
           'type_schema', a.nspname,
           'type_name', a.typname,
           'base_type', a.base_type,
           'category', a.category
         ) order by a.position) as list
  from arguments a
  where a.is_output
  group by a.oid
  having pg_catalog.count(*) > 1 or pg_catalog.count(a.name) = 1
),
attributes as (
  select c.oid,
         pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', a.attname,
           'type_schema', t.nspname,
           'type_name', t.typname,
           'base_type', t.base_type,
           'category', t.category
         ) order by a.attnum) as list
  from candidates c
  join pg_catalog.pg_attribute a on a.attrelid = c.base_relation and a.attnum > 0 and not a.attisdropped
  join types t on t.oid = a.atttypid
  where c.base_kind = 'c'
  group by c.oid
)
select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'schema', c.nspname,
  'name', c.proname,
  'procedure', c.prokind = 'p',
  'set', c.proretset,
  'one', not c.proretset or c.prorows = 1,
  'volatility', case c.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
  'comment', d.description,
  'execute', (
    select coalesce(pg_catalog.sum(r.bit), 0) from roles r where pg_catalog.has_function_privilege(r.oid, c.oid, 'EXECUTE')
  ),
  'arguments', coalesce(i.list, '[]'),
  'returns', pg_catalog.json_build_object(
    'kind', case
      when o.list is not null or c.base_kind = 'c' then 'row'
      when c.return_kind = 'p' then c.type_name::text
      else 'scalar' end,
    -- Of a domain over a row type, the row type.
    'type_schema', case c.base_kind when 'c' then c.base_schema else c.type_schema end,
    'type_name', case c.base_kind when 'c' then c.base_name else c.type_name end,
    'base_type', c.base_type,
    'category', c.category,
    'columns', coalesce(t.list, o.list, '[]'))
) order by c.nspname, c.proname, c.pronargs, i.signature), '[]')
from candidates c
left join inputs i on i.oid = c.oid
left join outputs o on o.oid = c.oid
left join attributes t on t.oid = c.oid
left join pg_catalog.pg_description d
  on d.objoid = c.oid and d.objsubid = 0 and d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass
where i.pseudo is not true
  -- A call gives a procedure's OUT arguments too, as NULL and by name.
  and not (c.prokind = 'p' and exists (select from arguments a where a.oid = c.oid and a.mode = 'o' and a.name is null))
