-- Tokens that belong to no session (API keys, tokens of another issuer that knows the shared secret) and are
-- refused before they expire. A session's tokens end with the row of the session.
create table auth.revoked_tokens (
  -- Compared byte by byte, whatever the language of the database: every token that a session shows first is looked for.
  jti text collate "C" primary key,
  -- Null: unknown, kept for good.
  expires_at timestamptz,
  reason text,
  revoked_by uuid,
  created_at timestamptz not null default pg_catalog.now()
);
select pg_catalog.pg_extension_config_dump('auth.revoked_tokens', '');
comment on table auth.revoked_tokens is 'Single tokens refused by their jti';

create table auth.revoked_before (
  -- The id of a user, 'users' for every token with a user, 'keys' for every one without.
  subject text collate "C" primary key,
  before timestamptz not null,
  reason text
);
select pg_catalog.pg_extension_config_dump('auth.revoked_before', '');
comment on table auth.revoked_before is 'Tokens issued up to a moment and refused since, of one user or of everybody';
