-- Keys for programs. 256 random bits, so a plain SHA-256 is stored: there is nothing to guess.
create function auth.valid_scopes(scopes text[]) returns boolean
  language sql immutable parallel safe set search_path = pg_catalog, pg_temp
  return pg_catalog.cardinality(scopes) > 0 and not exists (
    select from pg_catalog.unnest(scopes) as s(scope)
    where s.scope is null or s.scope operator(pg_catalog.!~) '^(\*|[a-z]+:[a-z]+)$');

-- A moment that is none is the caller's mistake and no error.
create function auth.moment(text) returns timestamptz
  language plpgsql stable strict set search_path = pg_catalog, pg_temp
as $$
begin
  return $1::timestamptz;
exception when data_exception then
  return null;
end
$$;

create table auth.service_keys (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  name text not null check (name <> '' and pg_catalog.length(name) <= 255),
  description text,
  key_hash bytea not null unique check (pg_catalog.octet_length(key_hash) = 32),
  -- The first 16 characters, to find the key in a list.
  key_prefix text not null,
  scopes text[] not null default '{*}' check (auth.valid_scopes(scopes)),
  enabled boolean not null default true,
  created_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default pg_catalog.now(),
  -- Requests in a minute and in an hour, which the server counts; null: as many as anybody.
  rate_limit_per_minute integer check (rate_limit_per_minute between 1 and 999999999),
  rate_limit_per_hour integer check (rate_limit_per_hour between 1 and 999999999),
  expires_at timestamptz,
  revoked_at timestamptz,
  revoke_reason text,
  -- The key that took its place.
  replaced_by uuid references auth.service_keys (id) on delete set null
);
create index service_keys_created_by on auth.service_keys (created_by);
create index service_keys_replaced_by on auth.service_keys (replaced_by);
select pg_catalog.pg_extension_config_dump('auth.service_keys', '');
comment on table auth.service_keys is 'Keys that act as service_role';

create table auth.client_keys (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  name text not null check (name <> '' and pg_catalog.length(name) <= 255),
  description text,
  key_hash bytea not null unique check (pg_catalog.octet_length(key_hash) = 32),
  key_prefix text not null,
  scopes text[] not null check (auth.valid_scopes(scopes)),
  created_at timestamptz not null default pg_catalog.now(),
  rate_limit_per_minute integer check (rate_limit_per_minute between 1 and 999999999),
  rate_limit_per_hour integer check (rate_limit_per_hour between 1 and 999999999),
  expires_at timestamptz,
  revoked_at timestamptz
);
create index client_keys_user_id on auth.client_keys (user_id);
select pg_catalog.pg_extension_config_dump('auth.client_keys', '');
comment on table auth.client_keys is 'Keys that act as their user, within their scopes';
