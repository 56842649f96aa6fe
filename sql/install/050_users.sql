create table auth.users (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  -- Stored as auth.sign_up() normalised it, so that two spellings cannot be two accounts. Absent for anonymous users.
  email text unique check (email = pg_catalog.lower(email)),
  -- Absent for users who never chose one: anonymous and invited ones.
  password_hash text,
  password_changed_at timestamptz not null default pg_catalog.now(),
  -- Set: the password is not the user's own choice, and until then it does nothing but let the user choose another.
  password_temporary_until timestamptz,
  email_verified boolean not null default false,
  is_anonymous boolean not null default false,
  -- The application's role: what policies compare. Which database role it runs as follows from it.
  role text not null default 'authenticated' check (role not in ('', 'anon')),
  user_metadata jsonb not null default '{}' check (pg_catalog.jsonb_typeof(user_metadata) = 'object'),
  app_metadata jsonb not null default '{}' check (pg_catalog.jsonb_typeof(app_metadata) = 'object'),
  -- Set: may not sign in.
  disabled_at timestamptz,
  created_at timestamptz not null default pg_catalog.now(),
  updated_at timestamptz not null default pg_catalog.now(),
  last_sign_in_at timestamptz,
  constraint users_have_an_address check (email is not null or is_anonymous)
);
select pg_catalog.pg_extension_config_dump('auth.users', '');
comment on table auth.users is 'Accounts; no request role has any privilege on it';

-- This and auth.user_object() have no search_path of their own: PostgreSQL then takes their bodies, which were parsed when
-- they were made, into the statements that call them. A call with one took a tenth of what a sign-in does beside its hash.
create function auth.utc(moment timestamptz) returns text
  language sql stable strict parallel safe
  return pg_catalog.to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function auth.utc(timestamptz) is 'A moment as RFC 3339 in UTC, whatever the session''s time zone';

-- Every act that touches several rows of an account locks the account first, and several accounts in this order: "Who waits
-- for whom" in ARCHITECTURE.md.
create function auth.hold_users(variadic ids uuid[]) returns void
  language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  perform from auth.users u where u.id = any (ids) order by u.id for no key update;
end
$$;

-- The one shape in which a user leaves the database.
create function auth.user_object(account auth.users) returns jsonb
  language sql stable parallel safe
  begin atomic
    select pg_catalog.jsonb_build_object(
      'id', account.id,
      'email', account.email,
      'email_verified', account.email_verified,
      'role', account.role,
      'is_anonymous', account.is_anonymous,
      'user_metadata', account.user_metadata,
      'app_metadata', account.app_metadata,
      'metadata', account.user_metadata,
      'created_at', auth.utc(account.created_at),
      'updated_at', auth.utc(account.updated_at));
  end;

create function auth.touch_user() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := pg_catalog.now();
  return new;
end
$$;
-- Signing in changes no user: what only notes that it happened leaves updated_at alone.
create trigger touch before update of email, email_verified, role, user_metadata, app_metadata, disabled_at, password_changed_at
  on auth.users for each row execute function auth.touch_user();
