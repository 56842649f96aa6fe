-- Who is asking. Native, STABLE and PARALLEL SAFE: about the price of a constant, so nobody has to wrap
-- them in (select …) for speed.
create function auth.uid() returns uuid
  language c stable parallel safe as 'MODULE_PATHNAME', 'uid_wrapper';
create function auth.current_user_id() returns uuid
  language c stable parallel safe as 'MODULE_PATHNAME', 'uid_wrapper';
create function auth.role() returns text
  language c stable parallel safe as 'MODULE_PATHNAME', 'role_wrapper';
create function auth.current_user_role() returns text
  language c stable parallel safe as 'MODULE_PATHNAME', 'role_wrapper';
create function auth.jwt() returns jsonb
  language c stable parallel safe as 'MODULE_PATHNAME', 'jwt_wrapper';
create function auth.email() returns text
  language c stable parallel safe as 'MODULE_PATHNAME', 'email_wrapper';
create function auth.session_id() returns uuid
  language c stable parallel safe as 'MODULE_PATHNAME', 'session_id_wrapper';
create function auth.is_authenticated() returns boolean
  language c stable parallel safe as 'MODULE_PATHNAME', 'is_authenticated_wrapper';
create function auth.is_admin() returns boolean
  language c stable parallel safe as 'MODULE_PATHNAME', 'is_admin_wrapper';

comment on function auth.uid() is 'Id of the user who asks, NULL when nobody signed in';
comment on function auth.role() is 'Application role of who asks; anon when nobody signed in';
comment on function auth.jwt() is 'All claims of the token, NULL when nobody entered';
comment on function auth.email() is 'E-mail address in the token';
comment on function auth.session_id() is 'Session the token belongs to';
comment on function auth.is_authenticated() is 'Whether a user is signed in';
comment on function auth.is_admin() is 'Whether the application role is admin';

create function auth.enter(token text) returns void
  language c strict volatile parallel unsafe as 'MODULE_PATHNAME', 'enter_wrapper';
create function auth.enter_anonymous() returns void
  language c strict volatile parallel unsafe as 'MODULE_PATHNAME', 'enter_anonymous_wrapper';
create function auth.enter(token text, scope text) returns void
  language c strict volatile parallel unsafe as 'MODULE_PATHNAME', 'enter_for_wrapper';
create function auth.aal() returns text
  language sql stable parallel safe
  return coalesce(auth.jwt() operator(pg_catalog.->>) 'aal', 'aal1');

comment on function auth.aal() is 'aal2 when a second factor was shown in the session of who asks, else aal1';
comment on function auth.enter(text, text) is
  'As auth.enter(token); a service key or client key must have the scope, or each of several with a space between two';
comment on function auth.enter(text) is
  'Verifies the token or key, becomes its role and seals who is asking until the transaction ends';
comment on function auth.enter_anonymous() is
  'Becomes anon and seals that until the transaction ends';

-- Statement triggers that drop what backends remember of these tables. ALWAYS: replication and restores too.
create function auth.forget_cached() returns trigger
  language c as 'MODULE_PATHNAME', 'forget_cached_wrapper';

create trigger forget_cached after insert or update or delete or truncate on auth.settings
  for each statement execute function auth.forget_cached();
create trigger forget_cached after insert or update or delete or truncate on auth.signing_keys
  for each statement execute function auth.forget_cached();
create trigger forget_cached after insert or update or delete or truncate on auth.revoked_tokens
  for each statement execute function auth.forget_cached();
create trigger forget_cached after insert or update or delete or truncate on auth.revoked_before
  for each statement execute function auth.forget_cached();
create trigger forget_cached after insert or update or delete or truncate on auth.service_keys
  for each statement execute function auth.forget_cached();
create trigger forget_cached after insert or update or delete or truncate on auth.client_keys
  for each statement execute function auth.forget_cached();
-- A new session cannot be remembered as ended, one that lasts longer is looked up again when it seems over, and one
-- that is over needs no forgetting: signing in, refreshing and sweeping, which happen all the time, make no backend forget.
create function auth.forget_session() returns trigger
  language c as 'MODULE_PATHNAME', 'forget_session_wrapper';
create trigger forget_truncated after truncate on auth.sessions
  for each statement execute function auth.forget_session();
create trigger forget_ended after delete on auth.sessions
  for each row when (old.expires_at > pg_catalog.now())
  execute function auth.forget_session();
create trigger forget_changed after update on auth.sessions
  for each row when (old.id <> new.id or old.user_id is distinct from new.user_id or old.epoch <> new.epoch or new.expires_at < old.expires_at)
  execute function auth.forget_session();
alter table auth.settings enable always trigger forget_cached;
alter table auth.signing_keys enable always trigger forget_cached;
alter table auth.revoked_tokens enable always trigger forget_cached;
alter table auth.revoked_before enable always trigger forget_cached;
alter table auth.service_keys enable always trigger forget_cached;
alter table auth.client_keys enable always trigger forget_cached;
alter table auth.sessions enable always trigger forget_truncated;
alter table auth.sessions enable always trigger forget_ended;
alter table auth.sessions enable always trigger forget_changed;
