-- The server keeps a snapshot of the catalog and of the public keys; these tell it when to read again.
-- Temporary objects are nobody else's business and would wake every server for nothing.
create function auth.notify_ddl() returns event_trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_ddl_commands() c
    where c.schema_name is distinct from 'pg_temp' and not c.in_extension
  ) then
    perform pg_catalog.pg_notify('fluxbase_catalog', '');
  end if;
end
$$;

create function auth.notify_drop() returns event_trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  if exists (select from pg_catalog.pg_event_trigger_dropped_objects() d where not d.is_temporary) then
    perform pg_catalog.pg_notify('fluxbase_catalog', '');
  end if;
end
$$;

create event trigger fluxbase_ddl on ddl_command_end execute function auth.notify_ddl();
create event trigger fluxbase_drop on sql_drop execute function auth.notify_drop();

create function auth.notify_keys() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_catalog.pg_notify('fluxbase_keys', '');
  return null;
end
$$;
create trigger notify_keys after insert or update or delete or truncate on auth.signing_keys
  for each statement execute function auth.notify_keys();
create trigger notify_keys after insert or update or delete or truncate on auth.settings
  for each statement execute function auth.notify_keys();

-- How often a key may ask is remembered by every server that has seen the key.
create function auth.notify_key_limits() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_catalog.pg_notify('fluxbase_key_limits', '');
  return null;
end
$$;
create trigger notify_key_limits after update or delete or truncate on auth.service_keys
  for each statement execute function auth.notify_key_limits();
create trigger notify_key_limits after update or delete or truncate on auth.client_keys
  for each statement execute function auth.notify_key_limits();
