create table auth.sessions (
  id uuid primary key,
  -- Absent when an administrator acts as a role and not as a user.
  user_id uuid references auth.users (id) on delete cascade,
  -- SHA-256 of the refresh token that is good now: 256 random bits need no slow hash.
  refresh_token_hash bytea not null check (pg_catalog.octet_length(refresh_token_hash) = 32),
  -- Raised when what its tokens say is no longer so; access tokens of an earlier epoch are refused, the
  -- refresh token is good and gives new ones.
  epoch integer not null default 0,
  -- How it was opened: password, magic_link, email_code, password_reset, anonymous, sign_up, impersonation.
  method text not null,
  created_at timestamptz not null default pg_catalog.now(),
  refreshed_at timestamptz,
  -- Moves with every refresh, never beyond ends_at.
  expires_at timestamptz not null,
  ends_at timestamptz not null,
  -- When the user last proved to be there, with a password or the like, and with a second factor.
  authenticated_at timestamptz not null default pg_catalog.now(),
  factor_at timestamptz,
  impersonator_id uuid references auth.users (id) on delete cascade,
  -- The session in which the administrator began it: signing out there ends it too.
  impersonator_session_id uuid references auth.sessions (id) on delete cascade,
  ip inet,
  user_agent text,
  constraint sessions_end check (expires_at <= ends_at),
  constraint sessions_are_somebodys check (user_id is not null or impersonator_id is not null)
);
create index sessions_user_id on auth.sessions (user_id);
create index sessions_impersonator_id on auth.sessions (impersonator_id) where impersonator_id is not null;
create index sessions_impersonator_session_id on auth.sessions (impersonator_session_id) where impersonator_session_id is not null;
create index sessions_expires_at on auth.sessions (expires_at);
select pg_catalog.pg_extension_config_dump('auth.sessions', '');
comment on table auth.sessions is 'One row per signed-in device; deleting it ends its tokens at their next use';

-- Triggers and not the functions that change users, so that a plain UPDATE by an administrator is as good.
create function auth.follow_user() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if new.disabled_at is not null then
    delete from auth.sessions s where s.user_id = new.id or s.impersonator_id = new.id;
    -- Tokens of another issuer that name this user.
    insert into auth.revoked_before (subject, before, reason) values (new.id::text, 'infinity', 'disabled')
      on conflict (subject) do update set before = excluded.before, reason = excluded.reason;
    -- What was mailed would work again as soon as the user is let in again.
    perform auth.void_mail(new.id, new.email);
    delete from auth.challenges c where c.user_id = new.id;
  elsif old.disabled_at is not null then
    update auth.revoked_before b set before = pg_catalog.now(), reason = 'was disabled' where b.subject = new.id::text;
  elsif new.role is distinct from old.role then
    update auth.sessions s set epoch = s.epoch + 1 where s.user_id = new.id;
    -- Whoever acts as a user must not find itself acting as the administrator the user has become.
    delete from auth.sessions s where s.impersonator_id = new.id or (s.user_id = new.id and s.impersonator_id is not null);
  else
    update auth.sessions s set epoch = s.epoch + 1 where s.user_id = new.id;
  end if;
  -- What a key says of its user is remembered like the key. Changes nothing but makes every backend look anew.
  if exists (select from auth.client_keys k where k.user_id = new.id) then
    update auth.client_keys k set name = k.name where k.user_id = new.id;
  end if;
  return null;
end
$$;
create trigger follow_user after update on auth.users for each row
  when (old.role is distinct from new.role or old.email is distinct from new.email
    or old.app_metadata is distinct from new.app_metadata or old.is_anonymous is distinct from new.is_anonymous
    or (new.disabled_at is null) is distinct from (old.disabled_at is null))
  execute function auth.follow_user();
alter table auth.users enable always trigger follow_user;

create function auth.revoke_deleted_user() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into auth.revoked_before (subject, before, reason) values (old.id::text, 'infinity', 'deleted')
    on conflict (subject) do update set before = excluded.before, reason = excluded.reason;
  return null;
end
$$;
create trigger revoke_deleted_user after delete on auth.users for each row execute function auth.revoke_deleted_user();
alter table auth.users enable always trigger revoke_deleted_user;

create function auth.session_object(session auth.sessions) returns jsonb
  language sql stable parallel safe set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object(
      'id', session.id,
      'user_id', session.user_id,
      'method', session.method,
      'aal', case when session.factor_at is null then 'aal1' else 'aal2' end,
      'created_at', auth.utc(session.created_at),
      'refreshed_at', auth.utc(session.refreshed_at),
      'expires_at', auth.utc(session.expires_at),
      'ends_at', auth.utc(session.ends_at),
      'impersonated', session.impersonator_id is not null,
      'ip', pg_catalog.host(session.ip),
      'user_agent', session.user_agent);
  end;
