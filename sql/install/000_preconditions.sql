\echo Use "CREATE EXTENSION fluxbase" to load this file. \quit

-- What must hold before anything is made. Each failure is one error that says what to do; the whole
-- script is one transaction, so a refusal leaves nothing behind.

do $preconditions$
declare
  preloaded text := pg_catalog.current_setting('shared_preload_libraries');
  culprit text;
begin
  if not exists (
    select from pg_catalog.regexp_split_to_table(preloaded, '\s*,\s*') as library
    where pg_catalog.btrim(library, ' "') operator(pg_catalog.~) '(^|/)fluxbase(\.so)?$'
  ) then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = 'fluxbase must be loaded when the server starts',
      hint = pg_catalog.format(
        'Put this line into postgresql.conf and restart PostgreSQL: shared_preload_libraries = ''%s''',
        case when preloaded = '' then 'fluxbase' else preloaded || ', fluxbase' end);
  end if;

  select n.nspname into culprit from pg_catalog.pg_namespace n where n.nspname in ('auth', 'audit') order by 1 desc limit 1;
  if found then
    raise exception using
      errcode = 'duplicate_schema',
      message = pg_catalog.format('schema "%s" already exists and does not belong to fluxbase', culprit),
      hint = pg_catalog.format('Rename or drop it first, for example: ALTER SCHEMA %1$s RENAME TO %1$s_before_fluxbase', culprit);
  end if;

  -- Roles are shared by the cluster and may have been made by somebody else. One that is stronger than
  -- its name promises would defeat every row policy, so it is refused rather than altered.
  select pg_catalog.format('role "%s" already exists with %s', r.rolname, wrong.attribute) into culprit
  from pg_catalog.pg_roles r
  cross join lateral (values
    ('SUPERUSER', r.rolsuper),
    ('BYPASSRLS', r.rolbypassrls and r.rolname <> 'service_role'),
    ('CREATEROLE', r.rolcreaterole),
    ('REPLICATION', r.rolreplication),
    ('LOGIN', r.rolcanlogin and r.rolname not in ('fluxbase_app', 'fluxbase_mailer')),
    ('INHERIT', r.rolinherit and r.rolname in ('fluxbase_app', 'fluxbase_mailer')),
    ('NOBYPASSRLS', not r.rolbypassrls and r.rolname = 'service_role'),
    ('NOLOGIN', not r.rolcanlogin and r.rolname in ('fluxbase_app', 'fluxbase_mailer'))
  ) as wrong(attribute, present)
  where r.rolname in ('anon', 'authenticated', 'service_role', 'fluxbase_app', 'fluxbase_mailer', 'fluxbase_trusted', 'fluxbase_admin')
    and wrong.present
  order by r.rolname, wrong.attribute
  limit 1;
  if found then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = culprit,
      detail = 'fluxbase expects anon, authenticated: NOLOGIN; service_role: NOLOGIN BYPASSRLS; fluxbase_app, fluxbase_mailer: LOGIN NOINHERIT; fluxbase_trusted, fluxbase_admin: NOLOGIN; none of them SUPERUSER, CREATEROLE or REPLICATION.',
      hint = 'Change it with ALTER ROLE, or rename the role, and run CREATE EXTENSION again.';
  end if;

  select pg_catalog.format('role "%s" is a member of role "%s"', member.rolname, parent.rolname) into culprit
  from pg_catalog.pg_auth_members m
  join pg_catalog.pg_roles member on member.oid = m.member
  join pg_catalog.pg_roles parent on parent.oid = m.roleid
  where member.rolname in ('anon', 'authenticated', 'fluxbase_app', 'fluxbase_mailer')
  order by 1
  limit 1;
  if found then
    raise exception using
      errcode = 'object_not_in_prerequisite_state',
      message = culprit,
      detail = 'A request runs as anon or authenticated and the server logs in as fluxbase_app and fluxbase_mailer: none of them may borrow the rights of another role.',
      hint = 'REVOKE that membership and run CREATE EXTENSION again.';
  end if;
end
$preconditions$;
