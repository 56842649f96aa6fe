-- One function per act. Each returns the reply or a coded refusal {"error", "code"} as a value, never an
-- exception, so that what a refusal writes down is committed.
create function auth.sign_up(email text, password text, user_metadata jsonb default '{}', context jsonb default '{}')
  returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_up_wrapper';
comment on function auth.sign_up(text, text, jsonb, jsonb) is
  'Makes an account and signs it in. context: ip, user_agent, request_id of the caller';

create function auth.sign_in(email text, password text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_in_wrapper';
comment on function auth.sign_in(text, text, jsonb) is
  'Checks the password and returns tokens; the same answer and the same work whatever was wrong';

create function auth.refresh(refresh_token text) returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'refresh_wrapper';
comment on function auth.refresh(text) is
  'New tokens for the session of this refresh token, which is used up by it; one that was used before ends the session';

create function auth.sign_out() returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from auth.sessions s where s.id = auth.session_id();
  if not found then
    return pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED');
  end if;
  return pg_catalog.jsonb_build_object('message', 'Signed out');
end
$$;
comment on function auth.sign_out() is
  'Ends the session of the entered identity: its tokens are refused from the commit on';

create function auth.get_user() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(
      (select auth.user_object(u) from auth.users u where u.id = auth.uid()),
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED'));
  end;
comment on function auth.get_user() is 'The entered user as an object';
