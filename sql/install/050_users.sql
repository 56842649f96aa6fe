create table auth.users (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  -- Stored as auth.sign_up() normalised it, so that two spellings cannot be two accounts.
  email text not null unique check (email = pg_catalog.lower(email)),
  password_hash text not null,
  email_verified boolean not null default false,
  -- The application's role: what policies compare. Which database role it runs as follows from it.
  role text not null default 'authenticated' check (role not in ('', 'anon')),
  user_metadata jsonb not null default '{}' check (pg_catalog.jsonb_typeof(user_metadata) = 'object'),
  app_metadata jsonb not null default '{}' check (pg_catalog.jsonb_typeof(app_metadata) = 'object'),
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now(),
  last_sign_in_at timestamptz
);
select pg_catalog.pg_extension_config_dump('auth.users', '');
comment on table auth.users is 'Accounts; no request role has any privilege on it';

create table auth.sessions (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  -- SHA-256 of the refresh token that is good now: 256 random bits need no slow hash.
  refresh_token_hash bytea not null check (pg_catalog.octet_length(refresh_token_hash) = 32),
  created_at timestamptz not null default pg_catalog.now(),
  expires_at timestamptz not null,
  ip inet,
  user_agent text
);
create index sessions_user_id on auth.sessions (user_id);
select pg_catalog.pg_extension_config_dump('auth.sessions', '');
comment on table auth.sessions is 'One row per signed-in device; deleting it ends its tokens at their next use';

-- The one shape in which a user leaves the database.
create function auth.user_object(account auth.users) returns jsonb
  language sql stable parallel safe set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object(
      'id', account.id,
      'email', account.email,
      'email_verified', account.email_verified,
      'role', account.role,
      'user_metadata', account.user_metadata,
      'app_metadata', account.app_metadata,
      'metadata', account.user_metadata,
      'created_at', pg_catalog.to_char(account.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'updated_at', pg_catalog.to_char(account.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'));
  end;
