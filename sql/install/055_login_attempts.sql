-- Attempts to sign in that count. Rows are appended by extension/src/journal.rs in a way that no rollback takes
-- back, so the columns and their order are known there, and indexes are plain ones. Not marked for dump: a restored
-- database starts without locked accounts.
create table auth.login_attempts (
  id uuid not null,
  at timestamptz not null,
  -- Normalised; empty for an address that cannot exist, null once a success has cleared it. 'code ' and an address:
  -- tries at codes sent there; 'factor ' and a user's id: tries at the second factor.
  email text,
  ip inet
);
create index login_attempts_email on auth.login_attempts (email, at);
create index login_attempts_ip on auth.login_attempts (ip, at);
create index login_attempts_at on auth.login_attempts (at);
comment on table auth.login_attempts is 'Sign-in attempts of the last lockout_duration; kept whatever becomes of the transaction they were made in';

create function auth.unlock(email text) returns boolean
  language plpgsql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from auth.login_attempts a
  where a.email = pg_catalog.lower(pg_catalog.btrim(unlock.email))
    or a.email = 'code ' || pg_catalog.lower(pg_catalog.btrim(unlock.email))
    or a.email = (select 'factor ' || u.id from auth.users u where u.email = pg_catalog.lower(pg_catalog.btrim(unlock.email)));
  return found;
end
$$;
comment on function auth.unlock(text) is
  'Forgets the failed sign-ins, codes and second factors of an e-mail address; true when there were any';
