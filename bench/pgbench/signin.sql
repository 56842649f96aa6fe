-- A sign-in without HTTP.
\set u random(1, 200)
select auth.sign_in('user' || :u::int || '@example.test', 'Correct-Horse-7-Battery') ? 'error' as refused \gset
\if :refused
select 'refused'::int;
\endif
