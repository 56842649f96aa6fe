-- Last: everything belongs to fluxbase_admin (a role without superuser, so that a mistake in a SECURITY
-- DEFINER function is not a way to own the cluster), and everything is closed but what is opened here.
do $owner$
declare
  object record;
begin
  for object in
    select pg_catalog.format('table %s', c.oid::regclass) as name
    from pg_catalog.pg_class c
    where c.relnamespace in ('auth'::regnamespace, 'audit'::regnamespace) and c.relkind = 'r'
    union all
    select pg_catalog.format('function %s', p.oid::regprocedure)
    from pg_catalog.pg_proc p
    where p.pronamespace in ('auth'::regnamespace, 'audit'::regnamespace)
    union all
    select 'schema auth'
    union all
    select 'schema audit'
  loop
    execute pg_catalog.format('alter %s owner to fluxbase_admin', object.name);
  end loop;
end
$owner$;

revoke all on all tables in schema auth, audit from public;
revoke all on all functions in schema auth, audit from public;

-- Read by policies and by anybody: they tell a session only about itself.
grant execute on function
  auth.uid(), auth.current_user_id(), auth.role(), auth.current_user_role(), auth.jwt(), auth.aal(), auth.email(),
  auth.session_id(), auth.is_authenticated(), auth.is_admin(), auth.jwks(),
  auth.enable_rls(text, text), auth.disable_rls(text, text)
to public;

-- The doors: who may present a token, a password, or what came by mail.
grant execute on function
  auth.enter(text), auth.enter(text, text), auth.enter_anonymous(),
  auth.sign_up(text, text, jsonb, jsonb), auth.sign_in(text, text, jsonb), auth.sign_in_anonymously(jsonb),
  auth.refresh(text, jsonb), auth.verify_factor(uuid, text, text, jsonb),
  auth.request_password_reset(text, text, jsonb), auth.check_password_reset(text, jsonb), auth.reset_password(text, text, jsonb),
  auth.request_magic_link(text, text, jsonb), auth.sign_in_with_magic_link(text, jsonb),
  auth.request_email_code(text, jsonb), auth.sign_in_with_email_code(text, text, jsonb),
  auth.request_email_confirmation(text, jsonb), auth.confirm_email(text, jsonb),
  auth.totp_setup(text, jsonb), auth.totp_enable(text, jsonb), auth.public_config(),
  auth.setup_status(), auth.setup_admin(text, text, text, text, jsonb)
to fluxbase_app, fluxbase_trusted, fluxbase_admin;
grant execute on function auth.check_settings(jsonb), auth.key_limits(bytea) to fluxbase_app;
grant execute on function auth.take_mail(integer), auth.mail_sent(uuid), auth.mail_failed(uuid, text)
to fluxbase_mailer;

-- What an entered user does with the own account. The functions look at who entered, not at the database role.
grant execute on function
  auth.get_user(), auth.sign_out(jsonb), auth.update_user(jsonb, jsonb), auth.reauthenticate(jsonb),
  auth.list_sessions(), auth.revoke_session(uuid, jsonb), auth.revoke_other_sessions(jsonb),
  auth.totp_setup(text, jsonb), auth.totp_enable(text, jsonb), auth.totp_disable(text, jsonb),
  auth.totp_backup_codes(jsonb), auth.totp_status(), auth.list_identities(),
  auth.link_identity(text, jsonb), auth.unlink_identity(uuid, jsonb),
  auth.create_client_key(jsonb, jsonb), auth.list_client_keys(), auth.get_client_key(uuid),
  auth.change_client_key(uuid, text, jsonb, jsonb),
  auth.get_impersonation(), auth.end_impersonation(jsonb)
to authenticated, service_role, fluxbase_trusted;
-- Whoever acts as a visitor ends that with the token of the visitor.
grant execute on function auth.end_impersonation(jsonb), auth.get_impersonation(), auth.sign_out(jsonb) to anon;

-- What administrators do: an application's administrator is authenticated for the database, and the functions refuse
-- everybody whose role is not one.
grant execute on function
  auth.admin_list_users(jsonb), auth.admin_get_user(uuid), auth.admin_me(), auth.admin_create_user(text, jsonb, jsonb),
  auth.admin_update_user(uuid, jsonb, jsonb), auth.admin_delete_user(uuid, jsonb), auth.admin_reset_password(uuid, jsonb),
  auth.admin_remove_factor(uuid, jsonb), auth.admin_lock_user(uuid, jsonb), auth.admin_unlock_user(uuid, jsonb),
  auth.admin_list_sessions(jsonb), auth.admin_revoke_session(uuid, jsonb), auth.admin_revoke_user(uuid, jsonb),
  auth.revoke_everything(boolean, jsonb), auth.revoke_token(text, text, timestamptz),
  auth.admin_revoke_token(text, text, text, jsonb), auth.admin_audit(jsonb), auth.refresh_schema(), auth.service_key_revocations(uuid),
  auth.create_service_key(jsonb, jsonb), auth.rotate_service_key(uuid, jsonb), auth.list_service_keys(),
  auth.get_service_key(uuid), auth.change_service_key(uuid, text, jsonb, jsonb),
  auth.impersonate(uuid, text, jsonb), auth.impersonate_role(text, text, jsonb), auth.list_impersonations(jsonb)
to authenticated, service_role, fluxbase_trusted;

-- Written around the number of rows of a write, as whoever writes.
grant execute on function auth.at_most(bigint, bigint), auth.exactly_one(bigint) to anon, authenticated, service_role;

-- The first key pair, so that tokens can be signed and verified from the start, and the first sealing key.
select auth.rotate_signing_key();
select auth.make_sealing_key();
