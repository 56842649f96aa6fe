-- Second factors.
create function auth.verify_factor(user_id uuid, code text, mfa_token text default null, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'verify_factor_wrapper';
comment on function auth.verify_factor(uuid, text, text, jsonb) is
  'Finishes a sign-in that waits for its second factor';

create function auth.totp_setup(issuer text default null, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'totp_setup_wrapper';
comment on function auth.totp_setup(text, jsonb) is
  'A new secret for an authenticator app, with its QR code; it counts once a code of it was shown to auth.totp_enable';

create function auth.totp_enable(code text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'totp_enable_wrapper';
comment on function auth.totp_enable(text, jsonb) is
  'Turns the second factor on and returns ten backup codes';

create function auth.totp_disable(password text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'totp_disable_wrapper';
comment on function auth.totp_disable(text, jsonb) is
  'Turns the second factor off';

create function auth.totp_backup_codes(context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'totp_backup_codes_wrapper';
comment on function auth.totp_backup_codes(jsonb) is
  'Ten new backup codes in the place of the old ones';

create function auth.totp_status() returns jsonb
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select coalesce(auth.scope_refusal('read:auth'), case when auth.uid() is null then
      pg_catalog.jsonb_build_object('error', 'Authentication required', 'code', 'AUTHENTICATION_REQUIRED')
    else pg_catalog.jsonb_build_object(
      'totp_enabled', exists (select from auth.totp_factors f where f.user_id = auth.uid() and f.confirmed_at is not null),
      'backup_codes_left', (select pg_catalog.count(*) from auth.backup_codes b where b.user_id = auth.uid() and b.used_at is null))
    end);
  end;
comment on function auth.totp_status() is 'Whether the entered user has a second factor';

create function auth.make_sealing_key() returns text
  language c strict volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'make_sealing_key_wrapper';
comment on function auth.make_sealing_key() is
  'Makes the key that later second factors are sealed with; earlier ones keep theirs. Returns its id';
