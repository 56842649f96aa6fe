-- Floor: a function that returns 1, sent with identity and commit in one pipeline.
\if :init = 0
\set u random(1, 200)
select '{"sub":"00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') || '","role":"authenticated","iat":1767225600,"exp":2082758400}' as claims, '00000000-0000-4000-8000-' || lpad(to_hex(:u::int), 12, '0') as sub \gset
\set init 1
\endif
\startpipeline
begin;
select set_config('role', 'authenticated', true), set_config('request.jwt.claims', :claims, true);
select public.ping();
commit;
\endpipeline
