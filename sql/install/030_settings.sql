-- Only what somebody set is stored; defaults, bounds and meanings live in the extension, once.
create table auth.settings (
  key text primary key,
  value text not null,
  updated_at timestamptz not null default pg_catalog.now()
);
select pg_catalog.pg_extension_config_dump('auth.settings', '');
comment on table auth.settings is 'Settings changed with auth.configure(key, value)';

create function auth.configure(key text, value text) returns void
  language c strict volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'configure_wrapper';
comment on function auth.configure(text, text) is
  'Sets one setting; an unknown key or a value out of bounds is an error that names what is accepted';

create function auth.check_settings(expected jsonb) returns text[]
  language c strict volatile parallel unsafe
  as 'MODULE_PATHNAME', 'check_settings_wrapper';
comment on function auth.check_settings(jsonb) is
  'Names of the given settings whose value here differs; answers without telling any value';

create function auth.setting(key text) returns text
  language c strict stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
  as 'MODULE_PATHNAME', 'setting_wrapper';
comment on function auth.setting(text) is 'The value of a setting that is in force, default or configured; secrets are not shown';
