-- Of the functions named in $1 (JSON: schema, name) those the role of the session may call, as the contract lists them.
select pg_catalog.json_build_object(
  'procedures', coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
    'namespace', case n.nspname when 'public' then 'default' else n.nspname end,
    'name', p.proname,
    'description', pg_catalog.obj_description(p.oid, 'pg_proc'),
    'input', pg_catalog.pg_get_function_identity_arguments(p.oid),
    'output', pg_catalog.pg_get_function_result(p.oid)
  ) order by n.nspname, p.proname, p.oid), '[]'),
  'count', pg_catalog.count(*))
from pg_catalog.json_to_recordset($1) as s(schema name, name name)
join pg_catalog.pg_namespace n on n.nspname = s.schema
join pg_catalog.pg_proc p on p.pronamespace = n.oid and p.proname = s.name and p.prokind = 'f'
where pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_function_privilege(p.oid, 'execute')
