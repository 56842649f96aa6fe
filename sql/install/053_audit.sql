create schema audit;
revoke all on schema audit from public;
comment on schema audit is 'Fluxbase: what happened to accounts';

-- Failures are appended by extension/src/journal.rs in a way that no rollback takes back, so the columns and their order
-- are known there, and indexes are plain ones.
create table audit.events (
  id uuid not null,
  at timestamptz not null,
  event text not null,
  outcome text not null,
  -- The precise reason; the caller was told less.
  reason text,
  -- Whose account; actor_id is who did it, when somebody was signed in.
  user_id uuid,
  actor_id uuid,
  session_id uuid,
  ip inet,
  user_agent text,
  request_id text,
  details jsonb
);
create index events_at on audit.events (at);
create index events_user_id on audit.events (user_id, at);
select pg_catalog.pg_extension_config_dump('audit.events', '');
comment on table audit.events is 'Sign-ins, changes of accounts and what administrators did; without passwords, tokens and addresses';

-- An address that is none is not worth an error.
create function audit.address(text) returns inet
  language plpgsql immutable strict set search_path = pg_catalog, pg_temp
as $$
begin
  return $1::inet;
exception when invalid_text_representation then
  return null;
end
$$;
