-- One function per act. Each returns the reply or a coded refusal {"error", "code"} as a value, never an
-- exception, so that what a refusal writes down is committed. context is what the caller knows of its own caller:
-- ip, user_agent, request_id for the audit; code, nonce, password, mfa_token where an act asks for proof; replaces, the
-- refresh token of the session that a sign-in takes the place of.
-- Null when no key has entered, or one that has this scope: what acts on accounts is within the scopes of keys too.
create function auth.scope_refusal(scope text) returns jsonb
  language c strict stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'scope_refusal_wrapper';

create function auth.sign_up(email text, password text, user_metadata jsonb default '{}', context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_up_wrapper';
comment on function auth.sign_up(text, text, jsonb, jsonb) is
  'Makes an account and signs it in, or has the address confirmed first';

create function auth.sign_in(email text, password text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_in_wrapper';
comment on function auth.sign_in(text, text, jsonb) is
  'Checks the password and returns tokens, or asks for the second factor; the same answer and the same work whatever was wrong';

create function auth.sign_in_anonymously(context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_in_anonymously_wrapper';
comment on function auth.sign_in_anonymously(jsonb) is
  'Makes a user without an address and signs it in; auth.update_user makes it a permanent one';

create function auth.refresh(refresh_token text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'refresh_wrapper';
comment on function auth.refresh(text, jsonb) is
  'New tokens for the session of this refresh token, which is used up by it; one that was used before ends the session';

create function auth.sign_out(context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.scope_refusal('write:auth');
  session uuid := auth.session_id();
begin
  if refusal is not null then
    return refusal;
  end if;
  perform auth.hold_users(auth.uid());
  delete from auth.sessions s where s.id = session;
  if not found then
    return pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED');
  end if;
  update auth.impersonation_sessions i set ended_at = pg_catalog.clock_timestamp() where i.id = session and i.ended_at is null;
  perform audit.write('auth.logout', auth.uid(), context);
  return pg_catalog.jsonb_build_object('message', 'Signed out');
end
$$;
comment on function auth.sign_out(jsonb) is
  'Ends the session of the entered identity: its tokens are refused from the commit on';

create function auth.get_user() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:auth'),
      (select auth.user_object(u) from auth.users u where u.id = auth.uid()),
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED'));
  end;
comment on function auth.get_user() is 'The entered user as an object';

create function auth.update_user(changes jsonb, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'update_user_wrapper';
comment on function auth.update_user(jsonb, jsonb) is
  'Changes email, password or user_metadata of the entered user; nothing else of what is sent. A new password or address needs current_password or nonce';

create function auth.reauthenticate(context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'reauthenticate_wrapper';
comment on function auth.reauthenticate(jsonb) is
  'A nonce that proves for five minutes that the user has shown the password, or signed in just now';
