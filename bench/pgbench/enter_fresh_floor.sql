-- The same with a call that does nothing.
\set n 1 + (:n % 4000)
select token from bench.tokens where kind = :kind and number = :n \gset
\startpipeline
begin;
select current_setting('x.y', true);
commit;
\endpipeline
