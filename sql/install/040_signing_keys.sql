-- ES256 key pairs. The newest one that is not retired signs; every row verifies until verify_until.
create table auth.signing_keys (
  kid text primary key,
  algorithm text not null default 'ES256' check (algorithm = 'ES256'),
  private_key bytea not null,
  public_jwk jsonb not null,
  created_at timestamptz not null default pg_catalog.clock_timestamp(),
  retired_at timestamptz,
  -- The latest expiry of a long-lived key minted with this pair: rotation must not cut it short.
  longest_token_until timestamptz,
  verify_until timestamptz,
  constraint retired_keys_end check ((retired_at is null) = (verify_until is null))
);
select pg_catalog.pg_extension_config_dump('auth.signing_keys', '');
comment on table auth.signing_keys is 'Key pairs that sign tokens; readable by the owner alone';

create function auth.rotate_signing_key() returns text
  language c strict volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'rotate_signing_key_wrapper';
comment on function auth.rotate_signing_key() is
  'Makes a new key pair and retires the others; they verify until the last token signed with them has expired. Returns the new kid';

create function auth.mint_key(role text, valid_for interval default '10 years') returns text
  language c strict volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'mint_key_wrapper';
comment on function auth.mint_key(text, interval) is
  'Signs an API key for anon or service_role';

create function auth.jwks() returns jsonb
  language sql stable parallel safe security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select pg_catalog.jsonb_build_object('keys', coalesce(pg_catalog.jsonb_agg(k.public_jwk order by k.created_at desc), '[]'))
    from auth.signing_keys k
    where k.verify_until is null or k.verify_until > pg_catalog.now();
  end;
comment on function auth.jwks() is 'The public keys that verify tokens, as a JSON Web Key Set (RFC 7517)';
