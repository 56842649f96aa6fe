-- One token, entered again and again.
\startpipeline
begin;
select auth.enter(:token);
commit;
\endpipeline
