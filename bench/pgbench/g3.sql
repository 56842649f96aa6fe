-- Floor: one new comment, returned, sent with identity and commit in one pipeline.
\if :init = 0
\set u random(1, 200)
select '{"sub":"00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') || '","role":"authenticated","iat":1767225600,"exp":2082758400}' as claims, '00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') as sub \gset
\set init 1
\endif
\set post random(201, 9999)
\startpipeline
begin;
select set_config('role', 'authenticated', true), set_config('request.jwt.claims', :claims, true);
with i as (insert into public.comments (post_id, user_id, body) values (:post, :sub, 'a new comment from the load test') returning id::text, post_id::text as "postId", body) select json_build_object('data', json_build_object('insertComments', (select row_to_json(i) from i)));
commit;
\endpipeline
