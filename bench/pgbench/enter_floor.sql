-- The same with a call that does nothing.
\startpipeline
begin;
select current_setting('x.y', true);
commit;
\endpipeline
