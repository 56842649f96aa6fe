-- Last: everything belongs to fluxbase_admin (a role without superuser, so that a mistake in a SECURITY
-- DEFINER function is not a way to own the cluster), and everything is closed but what is opened here.
do $owner$
declare
  object record;
begin
  for object in
    select pg_catalog.format('table %s', c.oid::regclass) as name
    from pg_catalog.pg_class c
    where c.relnamespace = 'auth'::regnamespace and c.relkind = 'r'
    union all
    select pg_catalog.format('function %s', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.pronamespace = 'auth'::regnamespace
    union all
    select 'schema auth'
  loop
    execute pg_catalog.format('alter %s owner to fluxbase_admin', object.name);
  end loop;
end
$owner$;

revoke all on all tables in schema auth from public;
revoke all on all functions in schema auth from public;

-- Read by policies and by anybody: they tell a session only about itself.
grant execute on function
  auth.uid(), auth.current_user_id(), auth.role(), auth.current_user_role(), auth.jwt(), auth.email(),
  auth.session_id(), auth.is_authenticated(), auth.is_admin(), auth.jwks(),
  auth.enable_rls(text, text), auth.disable_rls(text, text)
to public;

-- The doors: who may present a token or a password.
grant execute on function
  auth.enter(text), auth.enter_anonymous(),
  auth.sign_up(text, text, jsonb, jsonb), auth.sign_in(text, text, jsonb), auth.refresh(text)
to fluxbase_app, fluxbase_trusted, fluxbase_admin;
grant execute on function auth.check_settings(jsonb) to fluxbase_app;

-- What an entered user does with the own account.
grant execute on function auth.get_user(), auth.sign_out() to authenticated, service_role, fluxbase_trusted;

-- The first key pair, so that tokens can be signed and verified from the start.
select auth.rotate_signing_key();
