-- Floor: three columns of one own post, by key, sent with identity and commit in one pipeline.
\if :init = 0
\set u random(1, 200)
select '{"sub":"00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') || '","role":"authenticated","iat":1767225600,"exp":2082758400}' as claims, '00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') as sub \gset
\set init 1
\endif
\set id :u + 10000 * random(0, 19)
\startpipeline
begin;
select set_config('role', 'authenticated', true), set_config('request.jwt.claims', :claims, true);
select json_build_object('data', json_build_object('post', (select row_to_json(t) from (select id::text, title, created_at as "createdAt" from public.posts where id = :id) t)));
commit;
\endpipeline
