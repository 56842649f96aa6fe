-- Another token each time, in turn: a backend remembers 1024 at most, the pool has 4000, so none is known when it returns.
\set n 1 + (:n % 4000)
select token from bench.tokens where kind = :kind and number = :n \gset
\startpipeline
begin;
select auth.enter(:token);
commit;
\endpipeline
