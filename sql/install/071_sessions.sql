-- A user's own sessions, and the end of many at once.
create function auth.list_sessions() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:auth'), case when auth.uid() is null then
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED')
    else pg_catalog.jsonb_build_object('sessions', coalesce((
      select pg_catalog.jsonb_agg(auth.session_object(s) || pg_catalog.jsonb_build_object('current', s.id = auth.session_id())
        order by s.created_at desc)
      from auth.sessions s where s.user_id = auth.uid() and s.expires_at > pg_catalog.now()), '[]'))
    end);
  end;
comment on function auth.list_sessions() is 'Where the entered user is signed in';

create function auth.revoke_session(id uuid, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.scope_refusal('write:auth');
begin
  if refusal is not null then
    return refusal;
  end if;
  if auth.uid() is null then
    return pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED');
  end if;
  perform auth.hold_users(auth.uid());
  delete from auth.sessions s where s.id = revoke_session.id and s.user_id = auth.uid();
  if not found then
    return pg_catalog.jsonb_build_object('error', 'There is no such session', 'code', 'NOT_FOUND');
  end if;
  perform audit.write('auth.session_revoke', auth.uid(), context, pg_catalog.jsonb_build_object('session', revoke_session.id));
  return pg_catalog.jsonb_build_object('message', 'The session has ended');
end
$$;
comment on function auth.revoke_session(uuid, jsonb) is 'Ends one session of the entered user';

create function auth.revoke_other_sessions(context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.scope_refusal('write:auth');
  ended bigint;
begin
  if refusal is not null then
    return refusal;
  end if;
  if auth.uid() is null then
    return pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED');
  end if;
  perform auth.hold_users(auth.uid());
  delete from auth.sessions s where s.user_id = auth.uid() and s.id is distinct from auth.session_id();
  get diagnostics ended = row_count;
  perform audit.write('auth.session_revoke', auth.uid(), context, pg_catalog.jsonb_build_object('ended', ended));
  return pg_catalog.jsonb_build_object('message', 'All other sessions have ended', 'ended', ended);
end
$$;
comment on function auth.revoke_other_sessions(jsonb) is 'Ends every session of the entered user but this one';

create function auth.list_identities() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:auth'), case when auth.uid() is null then
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED')
    else pg_catalog.jsonb_build_object('identities', coalesce((
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('id', u.id, 'user_id', u.id, 'provider', 'email',
        'identity_data', pg_catalog.jsonb_build_object('email', u.email, 'email_verified', u.email_verified),
        'created_at', auth.utc(u.created_at)))
      from auth.users u where u.id = auth.uid() and u.email is not null), '[]'))
    end);
  end;
comment on function auth.list_identities() is 'How the entered user can be recognised';

-- Nobody else's word opens a session, so there is nothing to link; and whoever is recognised by an address needs it.
create function auth.link_identity(provider text, context jsonb default '{}') returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('write:auth'), case when auth.uid() is null then
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED')
    else
      pg_catalog.jsonb_build_object('error', 'There is no provider whose accounts could be linked', 'code', 'INVALID_INPUT')
    end);
  end;
comment on function auth.link_identity(text, jsonb) is 'Refuses to link an account elsewhere: no provider is configured';

create function auth.unlink_identity(id uuid, context jsonb default '{}') returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('write:auth'), case
      when auth.uid() is null then
        pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED')
      when exists (select from auth.users u where u.id = auth.uid() and u.id = $1 and u.email is not null) then
        pg_catalog.jsonb_build_object('error', 'The address is how this account is recognised; it can be changed, not unlinked', 'code', 'INVALID_INPUT')
      else
        pg_catalog.jsonb_build_object('error', 'There is no such identity', 'code', 'NOT_FOUND')
    end);
  end;
comment on function auth.unlink_identity(uuid, jsonb) is 'Refuses to take away an identity: the address is the only one there is';

-- What everybody may know before signing in.
create function auth.public_config() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object(
      'signup_enabled', auth.setting('signup_enabled')::boolean,
      'require_email_verification', auth.setting('require_email_verification')::boolean,
      'magic_link_enabled', auth.setting('magic_link_enabled')::boolean,
      'password_login_enabled', auth.setting('password_login_enabled')::boolean,
      'anonymous_enabled', auth.setting('anonymous_enabled')::boolean,
      'mfa_available', true,
      'password_min_length', auth.setting('password_min_length')::integer,
      'password_require_uppercase', auth.setting('password_require_uppercase')::boolean,
      'password_require_lowercase', auth.setting('password_require_lowercase')::boolean,
      'password_require_number', auth.setting('password_require_number')::boolean,
      'password_require_special', auth.setting('password_require_special')::boolean,
      'oauth_providers', '[]'::jsonb,
      'saml_providers', '[]'::jsonb,
      'captcha', '{"enabled": false}'::jsonb);
  end;
comment on function auth.public_config() is 'The settings a sign-in page needs, as they are in force';
