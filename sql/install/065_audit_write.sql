-- Writing to the audit; needs to know who asks.
create function audit.write(event text, user_id uuid, context jsonb, details jsonb default '{}', outcome text default 'success', reason text default null)
  returns void
  language sql volatile set search_path = pg_catalog, pg_temp
as $$
  insert into audit.events (id, at, event, outcome, reason, user_id, actor_id, session_id, ip, user_agent, request_id, details)
  values (pg_catalog.gen_random_uuid(), pg_catalog.clock_timestamp(), $1, $5, $6, $2, auth.uid(), auth.session_id(),
    audit.address($3 ->> 'ip'),
    pg_catalog.left($3 ->> 'user_agent', 512), pg_catalog.left($3 ->> 'request_id', 128), $4)
$$;
