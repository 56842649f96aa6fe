-- What administrators do. Who is one, and over whom: nobody acts on an account, or gives a role, above the own rank.
--   0  users   1  admin, an application's administrator   2  service_role and roles that act as it
--   3  whoever works in SQL as a member of fluxbase_admin, without having entered as anybody
create function auth.role_rank(role text) returns integer
  language sql immutable parallel safe set search_path = pg_catalog, pg_temp
  return case
    when role in ('service_role', 'dashboard_admin', 'instance_admin') then 2
    when role = 'admin' then 1
    else 0
  end;

create function auth.caller_rank() returns integer
  language sql stable set search_path = pg_catalog, pg_temp
  return case
    when auth.jwt() is not null then auth.role_rank(auth.role())
    when pg_catalog.pg_has_role(session_user, 'fluxbase_admin', 'member') then 3
    else 0
  end;

create function auth.admin_refusal(scope text) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  return coalesce(auth.scope_refusal(scope), case when auth.caller_rank() = 0 then
    pg_catalog.jsonb_build_object('error', 'Administrators only', 'code', 'ADMIN_REQUIRED') end);

-- Null when the caller may act on this user now.
create function auth.act_on_refusal(target uuid, context jsonb) returns jsonb
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.admin_refusal('write:auth');
  role text;
begin
  if refusal is not null then
    return refusal;
  end if;
  -- The own account too, which sensitive_refusal locks.
  perform auth.hold_users(target, auth.uid());
  select u.role into role from auth.users u where u.id = target;
  if not found then
    return pg_catalog.jsonb_build_object('error', 'There is no such user', 'code', 'NOT_FOUND');
  end if;
  if auth.role_rank(role) > auth.caller_rank() then
    return pg_catalog.jsonb_build_object('error', 'This needs a higher role than yours', 'code', 'INSUFFICIENT_PERMISSIONS');
  end if;
  return auth.sensitive_refusal(context);
end
$$;

-- What the lists below take of a filter, by name; null when all of it can be read. Names nobody asks for are passed over.
create function auth.filter_refusal(filter jsonb) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object('error', p.name || ' must be ' || p.accepted, 'code', 'INVALID_INPUT')
    from (values
      ('limit', '^[0-9]{1,9}$', 'a whole number from 0 to 999999999 (1000 are given at most)'),
      ('offset', '^[0-9]{1,9}$', 'a whole number from 0 to 999999999'),
      ('exclude_admins', '^(true|false)$', 'true or false'),
      ('include_expired', '^(true|false)$', 'true or false'),
      ('type', '^(app|dashboard)$', 'app or dashboard'),
      ('outcome', '^(success|failure)$', 'success or failure'),
      ('user_id', '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', 'a UUID'),
      ('since', null, 'a moment, 2026-01-02T03:04:05Z for example')
    ) as p(name, pattern, accepted)
    where case p.name
      when 'since' then filter ->> 'since' is not null and auth.moment(filter ->> 'since') is null
      else filter ->> p.name !~ p.pattern end
    order by p.name limit 1;
  end;

create function auth.sensitive_refusal(context jsonb) returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sensitive_refusal_wrapper';

create function auth.admin_user_object(account auth.users) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  begin atomic
    select auth.user_object(account) || pg_catalog.jsonb_build_object(
      'provider', case when account.is_anonymous then 'anonymous' else 'email' end,
      'active_sessions', (select pg_catalog.count(*) from auth.sessions s where s.user_id = account.id and s.expires_at > pg_catalog.now()),
      'last_sign_in', auth.utc(account.last_sign_in_at),
      'is_locked', account.disabled_at is not null,
      'two_factor_enabled', exists (select from auth.totp_factors f where f.user_id = account.id and f.confirmed_at is not null));
  end;

-- filter: search, exclude_admins, type (app or dashboard), limit, offset.
create function auth.admin_list_users(filter jsonb default '{}') returns jsonb
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := coalesce(auth.admin_refusal('read:auth'), auth.filter_refusal(filter));
  wanted integer;
  skipped integer;
  pattern text := '%' || pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.lower(coalesce(filter ->> 'search', '')), '\', '\\'), '%', '\%'), '_', '\_') || '%';
  without boolean;
begin
  if refusal is not null then
    return refusal;
  end if;
  wanted := least(coalesce((filter ->> 'limit')::integer, 50), 1000);
  skipped := coalesce((filter ->> 'offset')::integer, 0);
  without := coalesce((filter ->> 'exclude_admins')::boolean, false);
  return (
    with found as (
      select u from auth.users u
      where (pattern = '%%' or u.email like pattern) and not (without and auth.role_rank(u.role) > 0)
        and (filter ->> 'type' is null or (filter ->> 'type' = 'dashboard') = (auth.role_rank(u.role) = 2)))
    select pg_catalog.jsonb_build_object(
      'users', coalesce((select pg_catalog.jsonb_agg(auth.admin_user_object((p.u)) order by (p.u).created_at, (p.u).id)
        from (select f.u from found f order by (f.u).created_at, (f.u).id limit wanted offset skipped) p), '[]'),
      'total', (select pg_catalog.count(*) from found), 'limit', wanted, 'offset', skipped));
end
$$;
comment on function auth.admin_list_users(jsonb) is 'Users, oldest first. filter: search, exclude_admins, type (app or dashboard), limit, offset';

create function auth.admin_get_user(id uuid) returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.admin_refusal('read:auth'),
      (select auth.admin_user_object(u) from auth.users u where u.id = $1),
      pg_catalog.jsonb_build_object('error', 'There is no such user', 'code', 'NOT_FOUND'));
  end;
comment on function auth.admin_get_user(uuid) is 'One user';

create function auth.admin_me() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  return coalesce(auth.admin_refusal('read:auth'), auth.get_user());
comment on function auth.admin_me() is 'The entered administrator as an object';

create function auth.admin_create_user(email text, options jsonb default '{}', context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'admin_create_user_wrapper';
comment on function auth.admin_create_user(text, jsonb, jsonb) is
  'Makes a user. options: password or password_hash (argon2 or bcrypt, of another system), role, user_metadata, app_metadata, email_verified, skip_email; without a password an invitation is mailed, or with skip_email a temporary password returned';

create function auth.admin_update_user(id uuid, changes jsonb, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'admin_update_user_wrapper';
comment on function auth.admin_update_user(uuid, jsonb, jsonb) is
  'Changes email, password, role, user_metadata, app_metadata or email_verified of a user; the password is a temporary one';

create function auth.admin_reset_password(id uuid, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'admin_reset_password_wrapper';
comment on function auth.admin_reset_password(uuid, jsonb) is
  'Voids the password and mails a link to choose another';

create function auth.admin_remove_factor(id uuid, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'admin_remove_factor_wrapper';
comment on function auth.admin_remove_factor(uuid, jsonb) is
  'Takes away a user''s second factor and backup codes, for one who has lost them, and ends every session';

create function auth.admin_delete_user(id uuid, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.act_on_refusal(admin_delete_user.id, context);
begin
  if refusal is not null then
    return refusal;
  end if;
  delete from auth.users u where u.id = admin_delete_user.id;
  perform audit.write('admin.user_delete', admin_delete_user.id, context);
  return pg_catalog.jsonb_build_object('message', 'The user was deleted');
end
$$;
comment on function auth.admin_delete_user(uuid, jsonb) is 'Deletes a user with sessions, factors and keys';

create function auth.admin_lock_user(id uuid, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.act_on_refusal(admin_lock_user.id, context);
begin
  if refusal is not null then
    return refusal;
  end if;
  update auth.users u set disabled_at = pg_catalog.clock_timestamp() where u.id = admin_lock_user.id and u.disabled_at is null;
  perform audit.write('admin.user_lock', admin_lock_user.id, context);
  return pg_catalog.jsonb_build_object('message', 'The user was locked');
end
$$;
comment on function auth.admin_lock_user(uuid, jsonb) is 'Disables a user: sessions end, keys and sign-ins are refused until unlocked';

create function auth.admin_unlock_user(id uuid, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.act_on_refusal(admin_unlock_user.id, context);
begin
  if refusal is not null then
    return refusal;
  end if;
  update auth.users u set disabled_at = null where u.id = admin_unlock_user.id and u.disabled_at is not null;
  perform auth.unlock((select u.email from auth.users u where u.id = admin_unlock_user.id));
  perform audit.write('admin.user_unlock', admin_unlock_user.id, context);
  return pg_catalog.jsonb_build_object('message', 'The user was unlocked');
end
$$;
comment on function auth.admin_unlock_user(uuid, jsonb) is 'Enables a user again and forgets failed sign-ins';

-- filter: include_expired, limit, offset.
create function auth.admin_list_sessions(filter jsonb default '{}') returns jsonb
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := coalesce(auth.admin_refusal('read:auth'), auth.filter_refusal(filter));
  wanted integer;
  skipped integer;
  expired boolean;
begin
  if refusal is not null then
    return refusal;
  end if;
  wanted := least(coalesce((filter ->> 'limit')::integer, 50), 1000);
  skipped := coalesce((filter ->> 'offset')::integer, 0);
  expired := coalesce((filter ->> 'include_expired')::boolean, false);
  return (
    with page as (
      select s, u.email from auth.sessions s left join auth.users u on u.id = s.user_id
      where expired or s.expires_at > pg_catalog.now()
      order by s.created_at desc, s.id limit wanted offset skipped)
    select pg_catalog.jsonb_build_object(
      'sessions', coalesce((select pg_catalog.jsonb_agg(auth.session_object((p.s)) || pg_catalog.jsonb_build_object('user_email', p.email)
        order by (p.s).created_at desc, (p.s).id) from page p), '[]'),
      'count', (select pg_catalog.count(*) from page),
      'total_count', (select pg_catalog.count(*) from auth.sessions s where expired or s.expires_at > pg_catalog.now()),
      'limit', wanted, 'offset', skipped));
end
$$;
comment on function auth.admin_list_sessions(jsonb) is 'Sessions of everybody, newest first. filter: include_expired, limit, offset';

create function auth.admin_revoke_session(id uuid, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.admin_refusal('write:auth');
  owner uuid;
begin
  if refusal is not null then
    return refusal;
  end if;
  perform auth.hold_users((select coalesce(s.user_id, s.impersonator_id) from auth.sessions s where s.id = admin_revoke_session.id));
  delete from auth.sessions s using auth.users u
  where s.id = admin_revoke_session.id and u.id = coalesce(s.user_id, s.impersonator_id) and auth.role_rank(u.role) <= auth.caller_rank()
  returning u.id into owner;
  if not found then
    return pg_catalog.jsonb_build_object('error', 'There is no such session', 'code', 'NOT_FOUND');
  end if;
  perform audit.write('admin.session_revoke', owner, context, pg_catalog.jsonb_build_object('session', admin_revoke_session.id));
  return pg_catalog.jsonb_build_object('message', 'The session has ended');
end
$$;
comment on function auth.admin_revoke_session(uuid, jsonb) is 'Ends anybody''s session';

create function auth.admin_revoke_user(id uuid, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.act_on_refusal(admin_revoke_user.id, context);
begin
  if refusal is not null then
    return refusal;
  end if;
  delete from auth.sessions s where s.user_id = admin_revoke_user.id or s.impersonator_id = admin_revoke_user.id;
  -- What was mailed before, and a sign-in that waits for its code, would let in after all.
  perform auth.void_mail(u.id, u.email) from auth.users u where u.id = admin_revoke_user.id;
  delete from auth.challenges c where c.user_id = admin_revoke_user.id;
  insert into auth.revoked_before as b (subject, before, reason) values (admin_revoke_user.id::text, pg_catalog.clock_timestamp(), 'revoked')
    on conflict (subject) do update set before = greatest(b.before, excluded.before), reason = excluded.reason;
  perform audit.write('admin.user_revoke', admin_revoke_user.id, context);
  return pg_catalog.jsonb_build_object('message', 'Every session and token of the user has ended');
end
$$;
comment on function auth.admin_revoke_user(uuid, jsonb) is 'Ends every session and token of a user, and voids what was mailed';

create function auth.revoke_everything(include_keys boolean default false, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  -- Who may end every key is who may make them.
  refusal jsonb := auth.service_key_refusal('write:auth');
begin
  if refusal is null then
    -- Instead of every account, one by one: acts under way are waited for, and none begins meanwhile. Before the proof, which
    -- locks the own account.
    lock table auth.users, auth.sessions in exclusive mode;
    refusal := auth.sensitive_refusal(context);
  end if;
  if refusal is not null then
    return refusal;
  end if;
  -- One key must not be able to take the others away.
  if include_keys and auth.jwt() is not null and auth.uid() is null then
    return pg_catalog.jsonb_build_object('error', 'A key cannot revoke keys', 'code', 'INSUFFICIENT_PERMISSIONS');
  end if;
  delete from auth.sessions;
  -- What was mailed before, and a sign-in that waits for its code, would let in after all.
  update auth.one_time_tokens t set used_at = pg_catalog.clock_timestamp(), mail_due_at = null
    where t.used_at is null and t.kind = any (auth.mailed_ways_in());
  delete from auth.challenges;
  insert into auth.revoked_before as b (subject, before, reason)
    select s, pg_catalog.clock_timestamp(), 'everything was revoked' from pg_catalog.unnest(array['users', case when include_keys then 'keys' end]) as s
    where s is not null
    on conflict (subject) do update set before = greatest(b.before, excluded.before), reason = excluded.reason;
  if include_keys then
    update auth.service_keys k set revoked_at = pg_catalog.now(), revoke_reason = 'everything was revoked'
      where k.revoked_at is null or k.revoked_at > pg_catalog.now();
    update auth.client_keys k set revoked_at = pg_catalog.now() where k.revoked_at is null;
  end if;
  perform audit.write('admin.revoke_everything', null, context, pg_catalog.jsonb_build_object('include_keys', include_keys));
  return pg_catalog.jsonb_build_object('message', 'Everybody must sign in again');
end
$$;
comment on function auth.revoke_everything(boolean, jsonb) is
  'For an incident: ends every session and user token, voids every link and code that was mailed, and with include_keys every key that was made until now';

create function auth.revoke_token(jti text, reason text default null, expires_at timestamptz default null) returns void
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if auth.caller_rank() < 2 or auth.scope_refusal('write:auth') is not null then
    raise exception using errcode = 'insufficient_privilege', message = 'revoking tokens needs service_role or fluxbase_admin';
  end if;
  insert into auth.revoked_tokens as r (jti, reason, expires_at, revoked_by) values (revoke_token.jti, revoke_token.reason, revoke_token.expires_at, auth.uid())
    -- The longer of two revocations, and null is the longest.
    on conflict on constraint revoked_tokens_pkey do update
      set expires_at = case when r.expires_at is not null and excluded.expires_at is not null then greatest(r.expires_at, excluded.expires_at) end;
  delete from auth.revoked_tokens r where r.expires_at < pg_catalog.now();
  perform audit.write('admin.token_revoke', null, '{}', pg_catalog.jsonb_build_object('jti', revoke_token.jti, 'reason', revoke_token.reason));
end
$$;
comment on function auth.revoke_token(text, text, timestamptz) is
  'Refuses one token by its jti, an API key made by auth.mint_key for example';

-- As above for administrators of an application, with everything that goes wrong a value.
create function auth.admin_revoke_token(jti text, reason text default null, expires_at text default null, context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := coalesce(auth.service_key_refusal('write:auth'), auth.sensitive_refusal(context));
  until timestamptz := auth.moment(admin_revoke_token.expires_at);
begin
  if refusal is not null then
    return refusal;
  end if;
  if auth.jwt() is not null and auth.uid() is null then
    return pg_catalog.jsonb_build_object('error', 'A key cannot revoke tokens', 'code', 'INSUFFICIENT_PERMISSIONS');
  end if;
  if coalesce(pg_catalog.length(admin_revoke_token.jti), 0) not between 1 and 255 then
    return pg_catalog.jsonb_build_object('error', 'jti must be a text of 1 to 255 characters', 'code', 'VALIDATION_FAILED');
  end if;
  if admin_revoke_token.expires_at is not null and coalesce(until <= pg_catalog.clock_timestamp(), true) then
    return pg_catalog.jsonb_build_object('error', 'expires_at must be a moment that is still to come', 'code', 'VALIDATION_FAILED');
  end if;
  insert into auth.revoked_tokens as r (jti, reason, expires_at, revoked_by)
    values (admin_revoke_token.jti, pg_catalog.left(admin_revoke_token.reason, 1000), until, auth.uid())
    on conflict on constraint revoked_tokens_pkey do update
      set expires_at = case when r.expires_at is not null and excluded.expires_at is not null then greatest(r.expires_at, excluded.expires_at) end;
  delete from auth.revoked_tokens r where r.expires_at < pg_catalog.now();
  perform audit.write('admin.token_revoke', null, context,
    pg_catalog.jsonb_build_object('jti', admin_revoke_token.jti, 'reason', pg_catalog.left(admin_revoke_token.reason, 1000)));
  return pg_catalog.jsonb_build_object('message', 'The token is refused from now on');
end
$$;
comment on function auth.admin_revoke_token(text, text, text, jsonb) is
  'Refuses one token by its jti until a moment, or for good';

create function auth.create_admin(email text, password text) returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'create_admin_wrapper';
comment on function auth.create_admin(text, text) is 'Makes the first administrator; for members of fluxbase_admin';

create function auth.setup_status() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object('has_admin', a.found, 'needs_setup', not a.found)
    from (select exists (select from auth.users u where auth.role_rank(u.role) = 2) as found) a;
  end;
comment on function auth.setup_status() is 'Whether there is an administrator yet';

create function auth.setup_admin(email text, password text, name text, setup_token text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'setup_admin_wrapper';
comment on function auth.setup_admin(text, text, text, text, jsonb) is
  'Makes the first administrator for whoever knows the setting setup_token, once, and signs in';

-- The server reads its catalog anew by itself; this is for those who ask all the same.
create function auth.refresh_schema() returns jsonb
  language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.admin_refusal('write:auth');
begin
  if refusal is not null then
    return refusal;
  end if;
  perform pg_catalog.pg_notify('fluxbase_catalog', '');
  return pg_catalog.jsonb_build_object('message', 'The schema is read again');
end
$$;
comment on function auth.refresh_schema() is 'Has every server read its catalog anew';

-- filter: event, user_id, outcome, since, limit, offset.
create function auth.admin_audit(filter jsonb default '{}') returns jsonb
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := coalesce(auth.admin_refusal('read:auth'), auth.filter_refusal(filter));
  wanted integer;
  skipped integer;
begin
  if refusal is not null then
    return refusal;
  end if;
  wanted := least(coalesce((filter ->> 'limit')::integer, 100), 1000);
  skipped := coalesce((filter ->> 'offset')::integer, 0);
  return pg_catalog.jsonb_build_object('events', coalesce((
    select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(e) || pg_catalog.jsonb_build_object('at', auth.utc(e.at), 'ip', pg_catalog.host(e.ip)) order by e.at desc)
    from (select * from audit.events v
      where (filter ->> 'event' is null or v.event = filter ->> 'event')
        and (filter ->> 'outcome' is null or v.outcome = filter ->> 'outcome')
        and (filter ->> 'user_id' is null or v.user_id = (filter ->> 'user_id')::uuid)
        and (filter ->> 'since' is null or v.at >= (filter ->> 'since')::timestamptz)
      order by v.at desc limit wanted offset skipped) e), '[]'));
end
$$;
comment on function auth.admin_audit(jsonb) is 'What happened, newest first. filter: event, outcome, user_id, since, limit, offset';
