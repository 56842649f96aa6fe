-- A session that begins and ends: what every backend is told of.
with user_of as (select id from auth.users limit 1)
insert into auth.sessions (id, user_id, refresh_token_hash, method, expires_at, ends_at)
select gen_random_uuid(), id, sha256(''), 'bench', now() + interval '1 hour', now() + interval '1 hour' from user_of
returning id \gset
delete from auth.sessions where id = :'id';
