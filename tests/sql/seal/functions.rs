//! Functions: made before by the schema's author, made inside by the attacker.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("set_clause_made_before", "a function that was declared to run as service_role")
            .before("create function public.f() returns text language sql set role = 'service_role' as 'select current_user::text'")
            .refused("select public.f()", REFUSED)
            .twin(As::Super, "select public.f()", "service_role"),
        case("set_clause_made_inside", "the same in the temporary schema")
            .refused(
                "create function pg_temp.f() returns text language sql set role = 'service_role' as 'select current_user::text'; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language sql set work_mem = '1MB' as $$ select current_setting('work_mem') $$; select pg_temp.f()", "1MB"),
        case("set_clause_none", "a function that runs as the login")
            .refused(
                "create function pg_temp.f() returns text language sql set role = 'none' as 'select current_user::text'; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::App, "create function pg_temp.f() returns text language sql as 'select current_user::text'; select pg_temp.f()", "fluxbase_app"),
        case("set_clause_from_current", "remember the role of now and use it later")
            .refused(
                "create function pg_temp.f() returns text language sql set role from current as 'select current_user::text'; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language sql set work_mem from current as $$ select current_setting('work_mem') $$; select pg_temp.f()", "4MB"),
        case("set_clause_session_authorization", "the other setting")
            .refused(
                "create function pg_temp.f() returns text language sql set session_authorization = 'postgres' as 'select current_user::text'; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language sql as 'select session_user::text'; select pg_temp.f()", "fluxbase_app"),
        case("alter_function_set", "the clause added later")
            .refused(
                "create function pg_temp.f() returns text language sql as 'select current_user::text'; \
                 alter function pg_temp.f() set role = 'service_role'; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language sql as $$ select current_setting('work_mem') $$; alter function pg_temp.f() set work_mem = '1MB'; select pg_temp.f()", "1MB"),
        case("alter_database_functions", "the clause added to a function of the extension")
            .refused("alter function auth.uid() set role = 'service_role'", REFUSED)
            .twin(As::Super, "create function public.g() returns int language sql as 'select 1'; alter function public.g() set work_mem = '1MB'; select public.g()", "1"),
        case("procedure_set_clause", "a procedure with the clause")
            .refused(
                "create procedure pg_temp.p() language plpgsql set role = 'service_role' as 'begin end'; call pg_temp.p()",
                REFUSED,
            )
            .twin(As::Ann, "create procedure pg_temp.p(out a text) language plpgsql as 'begin a := auth.role(); end'; call pg_temp.p(null)", "authenticated"),
        case("body_with_set_role", "SET ROLE in a function's body")
            .refused(
                "create function pg_temp.f() returns text language plpgsql as $$ begin set local role service_role; return current_user; end $$; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language plpgsql as $$ begin return current_user; end $$; select pg_temp.f()", "authenticated"),
        case("sql_body_with_set_role", "SET ROLE in a body of plain SQL")
            .refused(
                "create function pg_temp.f() returns void language sql as 'set local role service_role'; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns void language sql as $$ set local work_mem = '1MB' $$; select pg_temp.f(); show work_mem", "1MB"),
        case("sql_body_at_plan_time", "an immutable function, run by the planner")
            .refused(
                "create function pg_temp.f() returns text language plpgsql immutable as $$ begin return set_config('role', 'service_role', true); end $$; explain select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns int language plpgsql immutable as $$ begin return 1; end $$; select pg_temp.f()", "1"),
        case("procedure_that_commits", "end the transaction, and with it the seal, in the middle of a call")
            .before(
                "create procedure public.p() language plpgsql as $$ begin commit; set role service_role; end $$",
            )
            .refused("call public.p()", Refused("2D000"))
            .twin(As::Super, "call public.p()", ""),
        case("procedure_that_rolls_back", "the same by ROLLBACK")
            .refused(
                "do $$ begin rollback; set role service_role; end $$",
                Refused("2D000"),
            )
            .twin(As::App, "do $$ begin rollback; end $$", ""),
        case("function_with_a_subtransaction", "change in an exception block that succeeds")
            .refused(
                "create function pg_temp.f() returns text language plpgsql as $$ begin begin perform set_config('role', 'service_role', true); end; return current_user; end $$; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language plpgsql as $$ begin begin perform 1/0; exception when others then return current_user; end; end $$; select pg_temp.f()", "authenticated"),
        case("exception_handler", "change inside the handler")
            .refused(
                "do $$ begin perform 1/0; exception when others then set local role service_role; end $$",
                REFUSED,
            )
            .twin(As::Ann, "do $$ begin perform 1/0; exception when others then set local work_mem = '1MB'; end $$; show work_mem", "1MB"),
        case("recursion", "fifty frames down")
            .refused(
                "create function pg_temp.f(n int) returns text language plpgsql as $$ begin if n = 0 then set local role service_role; return current_user; end if; return pg_temp.f(n - 1); end $$; select pg_temp.f(50)",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f(n int) returns text language plpgsql as $$ begin if n = 0 then return current_user; end if; return pg_temp.f(n - 1); end $$; select pg_temp.f(50)", "authenticated"),
        case("own_security_definer", "a definer function of the sealed role itself")
            .refused(
                "create function pg_temp.f() returns text language plpgsql security definer as $$ begin set local role service_role; return current_user; end $$; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create function pg_temp.f() returns text language plpgsql security definer as $$ begin return current_user; end $$; select pg_temp.f()", "authenticated"),
        case("security_definer_of_the_superuser", "not even the superuser's function changes the role")
            .before("create function public.f() returns text language plpgsql security definer as $$ begin set local role service_role; return current_user; end $$")
            .refused("select public.f()", REFUSED)
            .twin(As::Super, "create function public.h() returns text language plpgsql security definer as $$ begin return auth.role(); end $$; select public.h()", "anon"),
        case("security_definer_with_a_set_clause", "definer and clause together")
            .before("create function public.f() returns text language plpgsql security definer set role = 'service_role' as $$ begin return current_user; end $$")
            .refused("select public.f()", REFUSED)
            .twin(As::Super, "create function public.h() returns text language plpgsql security definer set search_path = '' as $$ begin return auth.role(); end $$; select public.h()", "anon"),
        case("definer_function_sees_the_caller", "a definer function is who owns it, for Ann")
            .before("create function public.f() returns text language sql security definer as $$ select current_user || ' for ' || auth.uid() $$")
            .no_effect("select public.f()")
            .twin(As::Ann, "select public.f()", "postgres for {ANN_ID}"),
        case("trigger_function_called_directly", "call the extension's own trigger function")
            .refused("select auth.forget_cached()", REFUSED)
            .twin(As::Ann, "select auth.is_authenticated()", "t"),
    ]
}
