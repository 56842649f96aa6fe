-- Floor: 20 own posts with their author and five comments each, sent with identity and commit in one pipeline.
\if :init = 0
\set u random(1, 200)
select '{"sub":"00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') || '","role":"authenticated","iat":1767225600,"exp":2082758400}' as claims, '00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') as sub \gset
\set init 1
\endif
\startpipeline
begin;
select set_config('role', 'authenticated', true), set_config('request.jwt.claims', :claims, true);
select json_build_object('data', json_build_object('posts', (select coalesce(json_agg(t), '[]') from (select p.id::text, p.title, p.created_at as "createdAt", (select row_to_json(a) from (select u.id, u.name from public.users u where u.id = p.user_id) a) as "user", (select coalesce(json_agg(c), '[]') from (select c.id::text, c.body from public.comments c where c.post_id = p.id order by c.id limit 5) c) as comments from public.posts p where p.user_id = :sub order by p.created_at desc limit 20) t)));
commit;
\endpipeline
