-- Ways in that go through the mailbox. Asking tells nobody whether an address is known.
create function auth.request_password_reset(email text, redirect_to text default null, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'request_password_reset_wrapper';
comment on function auth.request_password_reset(text, text, jsonb) is
  'Mails a link to choose a new password';

create function auth.check_password_reset(token text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'check_password_reset_wrapper';
comment on function auth.check_password_reset(text, jsonb) is
  'Whether a token of such a link is still good';

create function auth.reset_password(token text, new_password text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'reset_password_wrapper';
comment on function auth.reset_password(text, text, jsonb) is
  'Sets a new password with the token of a reset or an invitation, ends every session and signs in';

create function auth.request_magic_link(email text, redirect_to text default null, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'request_magic_link_wrapper';
comment on function auth.request_magic_link(text, text, jsonb) is
  'Mails a link that signs in';

create function auth.sign_in_with_magic_link(token text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_in_with_magic_link_wrapper';
comment on function auth.sign_in_with_magic_link(text, jsonb) is
  'Signs in with the token of such a link';

create function auth.request_email_code(email text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'request_email_code_wrapper';
comment on function auth.request_email_code(text, jsonb) is
  'Mails a code of six digits that signs in';

create function auth.sign_in_with_email_code(email text, code text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'sign_in_with_email_code_wrapper';
comment on function auth.sign_in_with_email_code(text, text, jsonb) is
  'Signs in with such a code; three tries each';

create function auth.request_email_confirmation(email text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'request_email_confirmation_wrapper';
comment on function auth.request_email_confirmation(text, jsonb) is
  'Mails the link that confirms an address again';

create function auth.confirm_email(token text, context jsonb default '{}') returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'confirm_email_wrapper';
comment on function auth.confirm_email(text, jsonb) is
  'Confirms an address with the token of such a link';

-- The mailer's door. What stands in the mails lets into accounts, so the mailer has a login of its own.
create function auth.take_mail_batch(most integer) returns jsonb
  language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'take_mail_batch_wrapper';
comment on function auth.take_mail_batch(integer) is
  'Mails that are due, with fresh tokens, as an array';

create function auth.take_mail(most integer default 10) returns setof jsonb
  language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$ select pg_catalog.jsonb_array_elements(auth.take_mail_batch(most)) $$;
comment on function auth.take_mail(integer) is
  'Mails that are due: id, kind, to, token or code, redirect_to, minutes, attempt. One that is not reported within a minute is given out again';

create function auth.mail_sent(id uuid) returns void
  language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
  update auth.one_time_tokens t set mail_due_at = null, mailed_at = pg_catalog.clock_timestamp(), mail_error = null where t.id = $1
$$;
comment on function auth.mail_sent(uuid) is 'The mail was handed over';

create function auth.mail_failed(id uuid, reason text) returns void
  language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as $$
  update auth.one_time_tokens t
  set mail_due_at = pg_catalog.clock_timestamp() + interval '1 minute' * pg_catalog.power(2, least(t.mail_attempts, 10) - 1),
    mail_error = pg_catalog.left($2, 500)
  where t.id = $1 and t.mailed_at is null
$$;
comment on function auth.mail_failed(uuid, text) is 'The mail could not be handed over; it is due again in 1, 2, 4 … minutes until it expires';
