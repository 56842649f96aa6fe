-- Keys for programs: service keys by administrators, client keys by users for themselves.
create function auth.service_key_object(key auth.service_keys) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object(
      'id', key.id, 'name', key.name, 'description', key.description, 'key_prefix', key.key_prefix,
      'scopes', key.scopes, 'rate_limit_per_minute', key.rate_limit_per_minute, 'rate_limit_per_hour', key.rate_limit_per_hour,
      'enabled', key.enabled, 'created_by', key.created_by, 'created_at', auth.utc(key.created_at),
      'expires_at', auth.utc(key.expires_at), 'revoked_at', auth.utc(key.revoked_at), 'revoke_reason', key.revoke_reason,
      'replaced_by', key.replaced_by);
  end;

create function auth.client_key_object(key auth.client_keys) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object(
      'id', key.id, 'user_id', key.user_id, 'name', key.name, 'description', key.description, 'key_prefix', key.key_prefix,
      'scopes', key.scopes, 'rate_limit_per_minute', key.rate_limit_per_minute, 'rate_limit_per_hour', key.rate_limit_per_hour,
      'created_at', auth.utc(key.created_at), 'expires_at', auth.utc(key.expires_at),
      'revoked_at', auth.utc(key.revoked_at));
  end;

create function auth.create_service_key(options jsonb, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'create_service_key_wrapper';
comment on function auth.create_service_key(jsonb, jsonb) is
  'Makes a service key. options: name, description, scopes, rate_limit_per_minute, rate_limit_per_hour, expires_at. The key is shown once';

create function auth.rotate_service_key(id uuid, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'rotate_service_key_wrapper';
comment on function auth.rotate_service_key(uuid, jsonb) is
  'Makes a key in the place of this one, which stops at once';

create function auth.service_key_refusal(scope text) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  return coalesce(auth.admin_refusal(scope), case
    when auth.caller_rank() < 2 then pg_catalog.jsonb_build_object('error', 'This needs a higher role than yours', 'code', 'INSUFFICIENT_PERMISSIONS')
  end);

create function auth.list_service_keys() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.service_key_refusal('read:auth'),
      (select coalesce(pg_catalog.jsonb_agg(auth.service_key_object(k) order by k.created_at, k.id), '[]') from auth.service_keys k));
  end;
comment on function auth.list_service_keys() is 'All service keys, without the keys';

create function auth.get_service_key(id uuid) returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.service_key_refusal('read:auth'),
      (select auth.service_key_object(k) from auth.service_keys k where k.id = $1),
      pg_catalog.jsonb_build_object('error', 'There is no such key', 'code', 'NOT_FOUND'));
  end;
comment on function auth.get_service_key(uuid) is 'One service key, without the key';

create function auth.service_key_revocations(id uuid) returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.service_key_refusal('read:auth'),
      (select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'key_id', k.id, 'revoked_at', auth.utc(k.revoked_at), 'reason', k.revoke_reason, 'replaced_by', k.replaced_by)), '[]')
        from auth.service_keys k where k.id = $1 and k.revoked_at is not null));
  end;
comment on function auth.service_key_revocations(uuid) is 'When and why a service key stopped';

-- What a change of a key takes of its options; null when all of it can be read, and the caller may set it.
create function auth.key_options_refusal(act text, options jsonb) returns jsonb
  language sql stable set search_path = pg_catalog, pg_temp
  begin atomic
    select case
      when $1 = 'update' and options ?| array['rate_limit_per_minute', 'rate_limit_per_hour']
        and auth.jwt() is not null and (auth.uid() is null or auth.jwt() ? 'key_id') then
        pg_catalog.jsonb_build_object('error', 'A key cannot change the limits of keys', 'code', 'INSUFFICIENT_PERMISSIONS')
      else (
        select pg_catalog.jsonb_build_object('error', p.name || ' must be ' || p.accepted, 'code', 'VALIDATION_FAILED')
        from (values
          ('update', 'name', 'string', 1, 255, 'a text of 1 to 255 characters'),
          ('update', 'description', 'string', 0, 2000, 'a text of at most 2000 characters'),
          ('update', 'rate_limit_per_minute', 'number', 1, 999999999, 'a whole number from 1 to 999999999, or null'),
          ('update', 'rate_limit_per_hour', 'number', 1, 999999999, 'a whole number from 1 to 999999999, or null'),
          ('deprecate', 'grace_period_hours', 'number', 0, 8760, 'a whole number from 0 to 8760, which is a year')
        ) as p(act, name, type, least, most, accepted)
        where p.act = $1 and pg_catalog.jsonb_typeof(options -> p.name) <> 'null' and case
          when pg_catalog.jsonb_typeof(options -> p.name) <> p.type then true
          when p.type = 'string' then pg_catalog.length(options ->> p.name) not between p.least and p.most
          else (options ->> p.name)::numeric not between p.least and p.most or (options ->> p.name)::numeric % 1 <> 0 end
        order by p.name limit 1)
    end;
  end;

-- What the server must know of a key to count its requests, by the SHA-256 it is stored as; null for one that opens nothing.
create function auth.key_limits(key_hash bytea) returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object('id', k.id, 'user_id', k.user_id, 'per_minute', k.per_minute, 'per_hour', k.per_hour)
    from (
      select s.id, null::uuid as user_id, s.rate_limit_per_minute as per_minute, s.rate_limit_per_hour as per_hour,
        least(s.expires_at, s.revoked_at) as ends_at
      from auth.service_keys s where s.key_hash = $1 and s.enabled
      union all
      select c.id, c.user_id, c.rate_limit_per_minute, c.rate_limit_per_hour, least(c.expires_at, c.revoked_at)
      from auth.client_keys c where c.key_hash = $1) as k
    where k.ends_at is null or k.ends_at > pg_catalog.clock_timestamp();
  end;
comment on function auth.key_limits(bytea) is 'How often a key may ask, for the server, which counts';

-- act: enable, disable, revoke (reason), deprecate (grace_period_hours), delete, update (name, description, rate_limit_per_minute, rate_limit_per_hour).
create function auth.change_service_key(id uuid, act text, options jsonb default '{}', context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.service_key_refusal('write:auth');
  key auth.service_keys;
begin
  if refusal is null then
    refusal := auth.sensitive_refusal(context);
  end if;
  if refusal is not null then
    return refusal;
  end if;
  -- One key must not be able to take another away, or to bring it back.
  if act <> 'update' and auth.jwt() is not null and auth.uid() is null then
    return pg_catalog.jsonb_build_object('error', 'A key cannot ' || act || ' keys', 'code', 'INSUFFICIENT_PERMISSIONS');
  end if;
  select k.* into key from auth.service_keys k where k.id = change_service_key.id for update;
  if not found then
    return pg_catalog.jsonb_build_object('error', 'There is no such key', 'code', 'NOT_FOUND');
  end if;
  refusal := auth.key_options_refusal(act, options);
  if refusal is not null then
    return refusal;
  end if;
  case act
    when 'enable' then update auth.service_keys k set enabled = true where k.id = key.id;
    when 'disable' then update auth.service_keys k set enabled = false where k.id = key.id;
    when 'revoke' then
      update auth.service_keys k set revoked_at = least(k.revoked_at, pg_catalog.clock_timestamp()),
        revoke_reason = pg_catalog.left(options ->> 'reason', 1000) where k.id = key.id;
    when 'deprecate' then
      update auth.service_keys k set revoked_at = least(k.revoked_at, pg_catalog.clock_timestamp()
        + pg_catalog.make_interval(hours => coalesce((options ->> 'grace_period_hours')::numeric::integer, 24))),
        revoke_reason = 'deprecated' where k.id = key.id;
    when 'update' then
      update auth.service_keys k set name = coalesce(options ->> 'name', k.name),
        description = coalesce(options ->> 'description', k.description),
        rate_limit_per_minute = case when options ? 'rate_limit_per_minute'
          then (options ->> 'rate_limit_per_minute')::numeric::integer else k.rate_limit_per_minute end,
        rate_limit_per_hour = case when options ? 'rate_limit_per_hour'
          then (options ->> 'rate_limit_per_hour')::numeric::integer else k.rate_limit_per_hour end
        where k.id = key.id;
    when 'delete' then delete from auth.service_keys k where k.id = key.id;
    else raise exception using errcode = 'invalid_parameter_value', message = 'unknown act ' || pg_catalog.quote_literal(act);
  end case;
  perform audit.write('admin.service_key_' || act, null, context, pg_catalog.jsonb_build_object('key', key.id));
  select k.* into key from auth.service_keys k where k.id = change_service_key.id;
  return case when key.id is null then pg_catalog.jsonb_build_object('message', 'The key was deleted')
    else auth.service_key_object(key) || pg_catalog.jsonb_build_object('message', 'Done') end;
end
$$;
comment on function auth.change_service_key(uuid, text, jsonb, jsonb) is
  'Acts on a service key: enable, disable, revoke, deprecate, update, delete';

create function auth.create_client_key(options jsonb, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'create_client_key_wrapper';
comment on function auth.create_client_key(jsonb, jsonb) is
  'Makes a key that acts as the entered user. options: name, description, scopes, rate_limit_per_minute, rate_limit_per_hour, expires_at. The key is shown once';

create function auth.list_client_keys() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:clientkeys'), case when auth.uid() is null then
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED')
    else pg_catalog.jsonb_build_object(
      'client_keys', coalesce((select pg_catalog.jsonb_agg(auth.client_key_object(k) order by k.created_at, k.id)
        from auth.client_keys k where k.user_id = auth.uid()), '[]'),
      'total', (select pg_catalog.count(*) from auth.client_keys k where k.user_id = auth.uid()))
    end);
  end;
comment on function auth.list_client_keys() is 'The keys of the entered user, without the keys';

create function auth.get_client_key(id uuid) returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:clientkeys'),
      (select auth.client_key_object(k) from auth.client_keys k where k.id = $1 and k.user_id = auth.uid()),
      pg_catalog.jsonb_build_object('error', 'There is no such key', 'code', 'NOT_FOUND'));
  end;
comment on function auth.get_client_key(uuid) is 'One key of the entered user, without the key';

create function auth.change_client_key(id uuid, act text, options jsonb default '{}', context jsonb default '{}') returns jsonb
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
declare
  refusal jsonb := auth.scope_refusal('write:clientkeys');
  key auth.client_keys;
begin
  if refusal is not null then
    return refusal;
  end if;
  select k.* into key from auth.client_keys k where k.id = change_client_key.id and k.user_id = auth.uid() for update;
  if not found then
    return pg_catalog.jsonb_build_object('error', 'There is no such key', 'code', 'NOT_FOUND');
  end if;
  refusal := auth.key_options_refusal(act, options);
  if refusal is not null then
    return refusal;
  end if;
  case act
    when 'revoke' then update auth.client_keys k set revoked_at = coalesce(k.revoked_at, pg_catalog.clock_timestamp()) where k.id = key.id;
    when 'update' then
      update auth.client_keys k set name = coalesce(options ->> 'name', k.name),
        description = coalesce(options ->> 'description', k.description),
        rate_limit_per_minute = case when options ? 'rate_limit_per_minute'
          then (options ->> 'rate_limit_per_minute')::numeric::integer else k.rate_limit_per_minute end,
        rate_limit_per_hour = case when options ? 'rate_limit_per_hour'
          then (options ->> 'rate_limit_per_hour')::numeric::integer else k.rate_limit_per_hour end
        where k.id = key.id;
    when 'delete' then delete from auth.client_keys k where k.id = key.id;
    else raise exception using errcode = 'invalid_parameter_value', message = 'unknown act ' || pg_catalog.quote_literal(act);
  end case;
  perform audit.write('auth.client_key_' || act, auth.uid(), context, pg_catalog.jsonb_build_object('key', key.id));
  select k.* into key from auth.client_keys k where k.id = change_client_key.id;
  return case when key.id is null then pg_catalog.jsonb_build_object('message', 'The key was deleted')
    else auth.client_key_object(key) || pg_catalog.jsonb_build_object('message', 'Done') end;
end
$$;
comment on function auth.change_client_key(uuid, text, jsonb, jsonb) is
  'Acts on a key of the entered user: revoke, update, delete';
