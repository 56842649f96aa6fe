-- Helpers for those who write policies. They run with the caller's rights: only a table's owner may use them.
create function auth.enable_rls(table_name text, schema_name text default 'public') returns void
  language plpgsql volatile strict set search_path = pg_catalog, pg_temp
as $$
begin
  execute pg_catalog.format('alter table %1$I.%2$I enable row level security, force row level security', schema_name, table_name);
end
$$;
comment on function auth.enable_rls(text, text) is
  'Turns row-level security on and forces it on the owner too';

create function auth.disable_rls(table_name text, schema_name text default 'public') returns void
  language plpgsql volatile strict set search_path = pg_catalog, pg_temp
as $$
begin
  execute pg_catalog.format('alter table %1$I.%2$I disable row level security, no force row level security', schema_name, table_name);
end
$$;
comment on function auth.disable_rls(text, text) is 'Turns row-level security off again';
