-- What is sent by mail and works once, and mails that only tell something. A row is made by the act; the token in it when
-- the mailer takes the row, so that no token is ever written down: the database keeps its hash, the mail the token. A
-- row for an address is made whether or not somebody has it: asking costs the same and tells nothing.
create table auth.one_time_tokens (
  id uuid primary key default pg_catalog.gen_random_uuid(),
  kind text not null check (kind in ('confirm_email', 'password_reset', 'magic_link', 'email_otp', 'email_change', 'invitation',
    'notice_password_changed', 'notice_email_changed', 'notice_factor_changed', 'notice_sign_up',
    'notice_sign_in_locked', 'notice_factor_locked', 'notice_password_removed')),
  -- Null while nobody has looked whose the address is: that is done when the mailer takes the row.
  user_id uuid references auth.users (id) on delete cascade,
  -- Where it is sent.
  email text not null,
  redirect_to text,
  -- SHA-256 of the token; of a code that can be typed, a keyed hash. Null until it was mailed.
  token_hash bytea,
  created_at timestamptz not null default pg_catalog.clock_timestamp(),
  expires_at timestamptz not null,
  used_at timestamptz,
  -- When the mailer may take it (again); null when there is nothing to send.
  mail_due_at timestamptz,
  mail_attempts integer not null default 0,
  mailed_at timestamptz,
  mail_error text
);
create index one_time_tokens_hash on auth.one_time_tokens (token_hash) where used_at is null;
create index one_time_tokens_email on auth.one_time_tokens (email, kind, created_at);
create index one_time_tokens_user on auth.one_time_tokens (user_id);
create index one_time_tokens_due on auth.one_time_tokens (mail_due_at) where mail_due_at is not null;
create index one_time_tokens_expiry on auth.one_time_tokens (expires_at);
select pg_catalog.pg_extension_config_dump('auth.one_time_tokens', '');
comment on table auth.one_time_tokens is 'Links and codes sent by mail, hashed; also the queue of what is to be sent';

-- What lets whoever reads it into the account, or gives it another address.
create function auth.mailed_ways_in() returns text[]
  language sql immutable parallel safe set search_path = pg_catalog, pg_temp
  return array['password_reset', 'magic_link', 'email_otp', 'email_change', 'invitation'];

-- Those of a user work no more, and those that wait are not sent; with confirmations also what says that an address is
-- the user's. Those that wait say whose they are by the address alone.
create function auth.void_mail(account uuid, address text, confirmations boolean default false) returns void
  language sql volatile set search_path = pg_catalog, pg_temp
  begin atomic
    update auth.one_time_tokens t set used_at = pg_catalog.clock_timestamp(), mail_due_at = null
    where (t.user_id = account or t.user_id is null and t.email = address) and t.used_at is null
      and (t.kind = any (auth.mailed_ways_in()) or confirmations and t.kind = 'confirm_email');
  end;

-- Only after the commit does anybody hear of it.
create function auth.notify_mail() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_catalog.pg_notify('fluxbase_mail', '');
  return null;
end
$$;
create trigger notify_mail after insert on auth.one_time_tokens for each row
  when (new.mail_due_at is not null) execute function auth.notify_mail();
