-- An administrator acts as somebody else.
create table auth.impersonation_sessions (
  -- The session's id.
  id uuid primary key,
  admin_user_id uuid not null,
  target_user_id uuid,
  impersonation_type text not null check (impersonation_type in ('user', 'anon', 'service')),
  target_role text not null,
  reason text not null,
  started_at timestamptz not null default pg_catalog.clock_timestamp(),
  ended_at timestamptz,
  ip_address inet,
  user_agent text
);
create index impersonation_sessions_admin on auth.impersonation_sessions (admin_user_id, started_at);
select pg_catalog.pg_extension_config_dump('auth.impersonation_sessions', '');
comment on table auth.impersonation_sessions is 'Who acted as whom, when and why; kept when the users are gone';

create function auth.impersonation_object(session auth.impersonation_sessions) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object(
      'id', session.id, 'admin_user_id', session.admin_user_id,
      'target_user_id', coalesce(session.target_user_id, case session.impersonation_type
        when 'anon' then '00000000-0000-0000-0000-000000000000'::uuid else '00000000-0000-0000-0000-000000000001'::uuid end),
      'impersonation_type', session.impersonation_type, 'target_role', session.target_role, 'reason', session.reason,
      'started_at', auth.utc(session.started_at), 'ended_at', auth.utc(session.ended_at),
      'ip_address', pg_catalog.host(session.ip_address), 'user_agent', session.user_agent,
      'is_active', session.ended_at is null
        and exists (select from auth.sessions s where s.id = session.id and s.expires_at > pg_catalog.clock_timestamp()));
  end;

create function auth.impersonate(target_user_id uuid, reason text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'impersonate_wrapper';
comment on function auth.impersonate(uuid, text, jsonb) is
  'Tokens to act as a user for at most an hour; never as an administrator';

create function auth.impersonate_role(role text, reason text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'impersonate_role_wrapper';
comment on function auth.impersonate_role(text, text, jsonb) is
  'Tokens to act as anon or service_role for at most an hour';

-- Of the administrator who asks, or of whoever is being acted as.
create function auth.get_impersonation() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:auth'),
      (select auth.impersonation_object(i) from auth.impersonation_sessions i
        join auth.sessions s on s.id = i.id and s.expires_at > pg_catalog.clock_timestamp()
        where i.id = auth.session_id() or i.admin_user_id = auth.uid()
        order by (i.id = auth.session_id()) desc, i.started_at desc limit 1),
      pg_catalog.jsonb_build_object('error', 'Nobody is being acted as', 'code', 'NOT_FOUND'));
  end;
comment on function auth.get_impersonation() is 'The running impersonation of who asks';

create function auth.end_impersonation(context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.scope_refusal('write:auth');
  ended uuid[];
begin
  if refusal is not null then
    return refusal;
  end if;
  perform auth.hold_users(auth.uid());
  with gone as (
    delete from auth.sessions s where s.impersonator_id is not null and (s.id = auth.session_id() or s.impersonator_id = auth.uid())
    returning s.id)
  select pg_catalog.array_agg(g.id) into ended from gone g;
  if ended is null then
    return pg_catalog.jsonb_build_object('error', 'Nobody is being acted as', 'code', 'NOT_FOUND');
  end if;
  update auth.impersonation_sessions i set ended_at = pg_catalog.clock_timestamp() where i.id = any (ended) and i.ended_at is null;
  perform audit.write('admin.impersonation_end', null, context, pg_catalog.jsonb_build_object('sessions', ended));
  return pg_catalog.jsonb_build_object('message', 'The impersonation has ended');
end
$$;
comment on function auth.end_impersonation(jsonb) is 'Ends the running impersonations of who asks';

create function auth.list_impersonations(filter jsonb default '{}') returns jsonb
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
  wanted := least(coalesce((filter ->> 'limit')::integer, 50), 1000);
  skipped := coalesce((filter ->> 'offset')::integer, 0);
  return coalesce((
    select pg_catalog.jsonb_agg(auth.impersonation_object(p.i) order by (p.i).started_at desc)
    from (select i from auth.impersonation_sessions i order by i.started_at desc limit wanted offset skipped) p), '[]');
end
$$;
comment on function auth.list_impersonations(jsonb) is 'Who acted as whom, newest first. filter: limit, offset';
