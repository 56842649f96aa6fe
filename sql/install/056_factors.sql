-- Second factors. What is stored cannot be used without the sealing key.
create table auth.totp_factors (
  user_id uuid primary key references auth.users (id) on delete cascade,
  id uuid not null default pg_catalog.gen_random_uuid(),
  -- AES-256-GCM, bound to the user (extension/src/sealing.rs).
  sealed_secret bytea not null,
  key_id text not null,
  created_at timestamptz not null default pg_catalog.clock_timestamp(),
  -- Null until a first code showed that the app has it.
  confirmed_at timestamptz,
  -- The last time step a code was accepted for: none is accepted twice.
  last_step bigint
);
-- What signing in asks (extension/src/accounts/user.rs).
create unique index totp_factors_confirmed on auth.totp_factors (user_id) where confirmed_at is not null;
select pg_catalog.pg_extension_config_dump('auth.totp_factors', '');
comment on table auth.totp_factors is 'Secrets of authenticator apps, encrypted';

create table auth.backup_codes (
  user_id uuid not null references auth.users (id) on delete cascade,
  -- HMAC-SHA-256 under the sealing key, of 120 random bits.
  code_mac bytea not null,
  key_id text not null,
  used_at timestamptz,
  primary key (user_id, code_mac)
);
select pg_catalog.pg_extension_config_dump('auth.backup_codes', '');
comment on table auth.backup_codes is 'Codes that stand in for a lost authenticator app, once each';

-- A password (or link) was right and the second factor is still to be shown. Not marked for dump: five minutes long.
create table auth.challenges (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  token_hash bytea not null unique,
  method text not null,
  -- The user has no factor and must set one up before anything else.
  for_setup boolean not null default false,
  ip inet,
  created_at timestamptz not null default pg_catalog.clock_timestamp(),
  expires_at timestamptz not null
);
create index challenges_user_id on auth.challenges (user_id);
create index challenges_expiry on auth.challenges (expires_at);
comment on table auth.challenges is 'Sign-ins that wait for their second factor';

-- Proof, good once and for minutes, that somebody showed their credentials again.
create table auth.nonces (
  nonce_hash bytea primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  session_id uuid not null references auth.sessions (id) on delete cascade,
  second_factor boolean not null,
  expires_at timestamptz not null
);
create index nonces_user_id on auth.nonces (user_id);
create index nonces_session_id on auth.nonces (session_id);
comment on table auth.nonces is 'Given by auth.reauthenticate(), asked for by sensitive changes';

-- The keys under which factors are sealed. Whoever reads this table and those above reads the secrets: a server that
-- names a file in fluxbase.sealing_key_file keeps the key out of the database and its backups.
create table auth.sealing_keys (
  id text primary key,
  key bytea not null check (pg_catalog.octet_length(key) = 32),
  created_at timestamptz not null default pg_catalog.clock_timestamp()
);
select pg_catalog.pg_extension_config_dump('auth.sealing_keys', '');
comment on table auth.sealing_keys is 'Keys that seal second factors, unless fluxbase.sealing_key_file names one outside the database';
