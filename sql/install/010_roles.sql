-- Roles belong to the cluster, not to the database: made when missing, never dropped with the extension.
--   anon, authenticated, service_role   what a request runs as
--   fluxbase_app      the server's login: owns nothing, is a member of nothing; auth.enter() switches for it
--   fluxbase_mailer   the mailer's login: takes mails that are due, with the tokens in them, and nothing else
--   fluxbase_trusted  its members may set request.jwt.claims by hand (PostgREST, tests, psql experiments)
--   fluxbase_admin    owns every object of the extension; grant it to those who run auth.configure()
do $roles$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('anon', 'nologin noinherit'),
      ('authenticated', 'nologin noinherit'),
      ('service_role', 'nologin noinherit bypassrls'),
      ('fluxbase_app', 'login noinherit'),
      ('fluxbase_mailer', 'login noinherit'),
      ('fluxbase_trusted', 'nologin'),
      ('fluxbase_admin', 'nologin')
    ) as r(name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute pg_catalog.format('create role %I %s', wanted.name, wanted.attributes);
      -- What this login binds are tokens and passwords: statements of it that are logged come without them, by
      -- PostgreSQL itself, by auto_explain (which from 16 on also writes parameters, and verbosely the arguments of
      -- functions) and by pgaudit. Those two need not be there.
      if wanted.name = 'fluxbase_app' then
        alter role fluxbase_app set log_parameter_max_length = 0;
        alter role fluxbase_app set log_parameter_max_length_on_error = 0;
        alter role fluxbase_app set auto_explain.log_verbose = off;
        if pg_catalog.current_setting('server_version_num')::integer >= 160000 then
          alter role fluxbase_app set auto_explain.log_parameter_max_length = 0;
        end if;
        alter role fluxbase_app set pgaudit.log_parameter = off;
      end if;
    end if;
  end loop;
end
$roles$;
