-- The schema of the extension; audit, for administrators, is the only other. None is made for applications: "api" and its
-- like are names people already use.
create schema auth;
revoke all on schema auth from public;
-- Policies of any role call auth.uid(): USAGE is for all, EXECUTE is given function by function.
grant usage on schema auth to public;
comment on schema auth is 'Fluxbase: identity of the request, users, sessions, keys and settings';
