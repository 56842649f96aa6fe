//! The schema's author wrote something that changes who is asking, by mistake or talked into it. A request
//! that meets it is refused; it does not become somebody else.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("default_expression", "a column's default")
            .before("create table public.t(a int, b text default set_config('role', 'service_role', true)); grant insert, select on public.t to authenticated")
            .refused("insert into t(a) values (1)", REFUSED)
            .twin(As::Ann, "insert into t(a, b) values (1, 'given'); select b from t", "given"),
        case("check_constraint", "a constraint")
            .before("create table public.t(a int check (set_config('role', 'service_role', true) is not null)); grant all on public.t to authenticated")
            .refused("insert into t values (1)", REFUSED)
            .twin(As::Ann, "select count(*) from t", "0"),
        case("before_trigger", "a row trigger")
            .before(
                "create table public.t(a int); grant all on public.t to authenticated; \
                 create function public.trg() returns trigger language plpgsql as $$ begin if new.a < 0 then set local role service_role; end if; return new; end $$; \
                 create trigger t before insert on public.t for each row execute function public.trg()",
            )
            .refused("insert into t values (-1)", REFUSED)
            .twin(As::Ann, "insert into t values (1) returning a", "1"),
        case("statement_trigger", "a statement trigger that sets the claims")
            .before(
                "create table public.t(a int); grant all on public.t to authenticated; \
                 create function public.trg() returns trigger language plpgsql as $$ begin perform set_config('request.jwt.claims', '', true); return null; end $$; \
                 create trigger t after update on public.t for each statement execute function public.trg()",
            )
            .refused("update t set a = 1", REFUSED)
            .twin(As::Ann, "insert into t values (1) returning a", "1"),
        case("instead_of_trigger", "a trigger of a view")
            .before(
                "create view public.v as select 1 a; grant all on public.v to authenticated; \
                 create function public.trg() returns trigger language plpgsql as $$ begin set local role service_role; return new; end $$; \
                 create trigger t instead of insert on public.v for each row execute function public.trg()",
            )
            .refused("insert into v values (1)", REFUSED)
            .twin(As::Ann, "select a from v", "1"),
        case("rule", "a rewrite rule")
            .before(
                "create table public.t(a int); grant all on public.t to authenticated; \
                 create rule r as on insert to public.t do also select set_config('role', 'service_role', true)",
            )
            .refused("insert into t values (1)", REFUSED)
            .twin(As::Ann, "select count(*) from t", "0"),
        case("view", "a view's column")
            .before("create view public.v as select set_config('role', 'service_role', true); create view public.w as select auth.uid(); grant select on public.v, public.w to authenticated")
            .refused("select * from v", REFUSED)
            .twin(As::Ann, "select * from w", "{ANN_ID}"),
        case("row_policy", "a policy's expression")
            .before(
                "create table public.t(a int); insert into public.t values (1); alter table public.t enable row level security; \
                 create policy p on public.t using (set_config('role', 'service_role', true) is not null); \
                 create policy w on public.t for insert with check (auth.uid() is not null); grant all on public.t to authenticated",
            )
            .refused("select * from t", REFUSED)
            .twin(As::Ann, "insert into t values (2)", ""),
        case("generated_column", "a generated column")
            .before(
                "create function public.imm(text) returns text language plpgsql immutable as $$ begin return set_config('role', $1, true); end $$; \
                 create table public.t(a text, b text generated always as (public.imm(a)) stored, c int); grant all on public.t to authenticated",
            )
            .refused("insert into t(a) values ('service_role')", REFUSED)
            .twin(As::Ann, "select count(*) from t", "0"),
        case("index_expression", "an index over an expression")
            .before(
                "create function public.imm(text) returns text language plpgsql immutable as $$ begin return set_config('role', $1, true); end $$; \
                 create table public.t(a text); create index on public.t (public.imm(a)); grant all on public.t to authenticated",
            )
            .refused("insert into t(a) values ('service_role')", REFUSED)
            .twin(As::Ann, "select count(*) from t", "0"),
        case("aggregate", "an aggregate's state function")
            .before(
                "create function public.acc(text, text) returns text language plpgsql as $$ begin return set_config('role', $2, true); end $$; \
                 create aggregate public.agg(text) (sfunc = public.acc, stype = text)",
            )
            .refused("select agg('service_role')", REFUSED)
            .twin(As::Ann, "select count('service_role')", "1"),
        case("cast", "a cast's function")
            .before(
                "create type public.who as (name text); \
                 create function public.to_who(text) returns public.who language plpgsql as $$ begin perform set_config('role', $1, true); return row($1)::public.who; end $$; \
                 create cast (text as public.who) with function public.to_who(text)",
            )
            .refused("select 'service_role'::text::who", REFUSED)
            .twin(As::Ann, "select ('x', 1) is not null", "t"),
        case("operator", "an operator's function")
            .before(
                "create function public.op(text, text) returns boolean language plpgsql as $$ begin perform set_config($1, $2, true); return true; end $$; \
                 create operator public.<~> (leftarg = text, rightarg = text, function = public.op)",
            )
            .refused("select 'role' <~> 'service_role'", REFUSED)
            .twin(As::Ann, "select 'work_mem' <~> '1MB'; show work_mem", "1MB"),
        case("domain_constraint", "a domain's constraint")
            .before(
                "create function public.imm(text) returns boolean language plpgsql as $$ begin perform set_config('role', $1, true); return true; end $$; \
                 create domain public.d as text check (public.imm(value))",
            )
            .refused("select 'service_role'::d", REFUSED)
            .twin(As::Ann, "select null::text is null", "t"),
        case("event_trigger", "an event trigger, run by any DDL")
            .before(
                "create function public.et() returns event_trigger language plpgsql as $$ begin if current_user <> 'postgres' then set local role service_role; end if; end $$; \
                 create event trigger et on ddl_command_end execute function public.et()",
            )
            .refused("create temp table made_inside()", REFUSED)
            .twin(As::Super, "create table made_outside(); select to_regclass('made_outside')", "made_outside"),
        case("foreign_key_cascade", "a trigger below a cascading foreign key, run as the table's owner")
            .before(
                "create table public.p(a int primary key); create table public.c(a int references public.p on delete cascade); \
                 insert into public.p values (1), (2); insert into public.c values (1); grant all on public.p to authenticated; \
                 create function public.trg() returns trigger language plpgsql as $$ begin perform set_config('role', 'service_role', true); return old; end $$; \
                 create trigger t before delete on public.c for each row execute function public.trg()",
            )
            .refused("delete from p where a = 1", REFUSED)
            .twin(As::Ann, "delete from p where a = 2 returning a", "2"),
        case("leaky_function_before_the_policy", "a cheap function of the attacker, run on rows before the policy")
            .no_effect(
                "create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001 as $$ begin \
                 if $1 like 'bob private%' then raise exception 'leaked'; end if; return true; end $$; \
                 select * from notes where pg_temp.leak(body)",
            )
            .twin(As::Ann, "select count(*) from notes where length(body) > 0", "2"),
        case("policy_reads_the_mirror", "a policy written with current_setting sees the same user")
            .before(
                "create table public.t(owner text); insert into public.t values ('{ANN_ID}'), ('{BOB_ID}'); \
                 alter table public.t enable row level security; grant all on public.t to authenticated; \
                 create policy p on public.t using (owner = current_setting('app.user_id', true))",
            )
            .refused("set local app.user_id = '{BOB_ID}'; select * from t", REFUSED)
            .twin(As::Ann, "select owner from t", "{ANN_ID}"),
        case("policy_reads_the_claims", "a policy written with request.jwt.claims sees the same role")
            .before(
                "create table public.t(a int); insert into public.t values (1); \
                 alter table public.t enable row level security; grant all on public.t to authenticated; \
                 create policy p on public.t using (current_setting('request.jwt.claims', true)::jsonb->>'role' = 'authenticated')",
            )
            .refused(r#"set local request.jwt.claims = '{"role":"admin"}'; select * from t"#, REFUSED)
            .twin(As::Ann, "select a from t", "1"),
        case("insert_for_another", "write a row that belongs to Bob")
            .refused("insert into notes(owner, body) values ('{BOB_ID}', 'forged')", Refused("42501"))
            .twin(As::Ann, "insert into notes(owner, body) values ('{ANN_ID}', 'own') returning body", "own"),
        case("give_a_row_away", "turn the own row into Bob's")
            .refused("update notes set owner = '{BOB_ID}'", Refused("42501"))
            .twin(As::Ann, "update notes set body = 'changed' where owner = auth.uid() returning body", "changed"),
    ]
}
