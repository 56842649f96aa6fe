//! set_config() in every place an expression can stand, and other ways to the same settings.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

const SUPER: As = As::Super;

pub fn cases() -> Vec<Case> {
    vec![
        case("role_local", "the function behind SET LOCAL")
            .refused("select set_config('role', 'service_role', true)", REFUSED)
            .twin(SUPER, "begin; select set_config('role', 'service_role', true); select current_user", "service_role"),
        case("role_for_the_session", "the function behind SET")
            .refused("select set_config('role', 'service_role', false)", REFUSED)
            .twin(SUPER, "select set_config('role', 'anon', false); select current_user", "anon"),
        case("role_null", "NULL means the default and passes no check")
            .refused("select set_config('role', null, true)", REFUSED)
            .twin(As::Ann, "select set_config('work_mem', null, true) is not null", "t"),
        case("role_null_for_the_session", "NULL for the session")
            .refused("select set_config('role', null, false)", REFUSED)
            .twin(As::App, "select set_config('role', null, false); select current_user", "fluxbase_app"),
        case("role_none", "none, the value SET ROLE NONE writes")
            .refused("select set_config('role', 'none', true)", REFUSED)
            .twin(As::App, "select set_config('role', 'none', true)", "none"),
        case("qualified_and_in_capitals", "the schema named, the setting in capitals")
            .refused("select pg_catalog.set_config('ROLE', 'service_role', true)", REFUSED)
            .twin(As::Ann, "select pg_catalog.set_config('WORK_MEM', '1MB', true)", "1MB"),
        case("session_authorization", "the other setting")
            .refused("select set_config('session_authorization', 'postgres', true)", REFUSED)
            .twin(SUPER, "begin; select set_config('session_authorization', 'anon', true); select session_user", "anon"),
        case("session_authorization_null", "the other setting, by NULL")
            .refused("select set_config('session_authorization', null, true)", REFUSED)
            .twin(As::App, "select set_config('session_authorization', null, true)", "fluxbase_app"),
        case("is_superuser", "the setting that tells clients")
            .refused("select set_config('is_superuser', 'on', true)", Refused("55P02"))
            .twin(As::Ann, "show is_superuser", "off"),
        case("in_where", "as a condition")
            .refused("select 1 where set_config('role', 'service_role', true) is not null", REFUSED)
            .twin(As::Ann, "select 1 where set_config('work_mem', '1MB', true) is not null", "1"),
        case("in_a_cte", "in WITH, materialised")
            .refused(
                "with c as materialized (select set_config('role', 'service_role', true)) select * from c",
                REFUSED,
            )
            .twin(As::Ann, "with c as materialized (select auth.uid()) select * from c", "{ANN_ID}"),
        case("in_a_subquery", "in a scalar subquery")
            .refused("select (select set_config('role', 'service_role', true))", REFUSED)
            .twin(As::Ann, "select (select auth.uid())", "{ANN_ID}"),
        case("in_order_by", "as a sort key")
            .refused("select 1 from notes order by set_config('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "select body from notes where owner = auth.uid() order by auth.uid()", "ann private"),
        case("in_limit", "as the limit")
            .refused("select 1 limit length(set_config('role', 'service_role', true))", REFUSED)
            .twin(As::Ann, "select 1 limit length(auth.role())", "1"),
        case("in_values", "in VALUES")
            .refused("values (set_config('role', 'service_role', true))", REFUSED)
            .twin(As::Ann, "values (auth.uid())", "{ANN_ID}"),
        case("in_a_lateral_join", "in LATERAL")
            .refused(
                "select * from generate_series(1, 2) g, lateral (select set_config('role', 'service_role', g > 0)) s",
                REFUSED,
            )
            .twin(As::Ann, "select s.u from generate_series(1, 2) g, lateral (select auth.uid() u where g > 0) s", "{ANN_ID}"),
        case("in_a_table_function", "as a function in FROM")
            .refused("select * from set_config('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "select * from auth.uid()", "{ANN_ID}"),
        case("in_an_aggregate", "as what is aggregated")
            .refused("select max(set_config('role', 'service_role', true)) from notes", REFUSED)
            .twin(As::Ann, "select max(auth.role()) from notes", "authenticated"),
        case("in_a_window", "in a window function")
            .refused("select lag(set_config('role', 'service_role', true)) over () from notes", REFUSED)
            .twin(As::Ann, "select max(auth.role()) over () from notes", "authenticated"),
        case("in_case", "in the branch of a CASE")
            .refused("select case when true then set_config('role', 'service_role', true) end", REFUSED)
            .twin(As::Ann, "select case when false then set_config('role', 'service_role', true) end", ""),
        case("in_returning", "in RETURNING of the own row")
            .refused("insert into notes(body) values ('x') returning set_config('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "insert into notes(body) values ('x') returning owner", "{ANN_ID}"),
        case("in_an_update", "as the new value")
            .refused("update notes set body = set_config('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "update notes set body = 'mine' where not is_public returning body", "mine"),
        case("in_a_delete", "as the condition of DELETE")
            .refused("delete from notes where set_config('role', 'service_role', true) is null", REFUSED)
            .twin(As::Ann, "delete from notes where auth.uid() = owner returning body", "ann private"),
        case("in_on_conflict", "in DO UPDATE")
            .refused(
                "insert into notes(id, body) overriding system value \
                 select min(id), 'x' from notes where owner = auth.uid() \
                 on conflict (id) do update set body = set_config('role', 'service_role', true)",
                REFUSED,
            )
            .twin(
                As::Ann,
                "insert into notes(id, body) overriding system value \
                 select min(id), 'x' from notes where owner = auth.uid() \
                 on conflict (id) do update set body = 'again' returning body",
                "again",
            ),
        case("in_explain_analyze", "EXPLAIN that runs the query")
            .refused("explain analyze select set_config('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "explain (costs off) select auth.uid()", "Result"),
        case("in_create_table_as", "as a new table's content")
            .refused("create temp table t as select set_config('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "create temp table t as select auth.uid() u; select u from t", "{ANN_ID}"),
        case("in_a_default_of_an_own_table", "as a default, evaluated on insert")
            .refused(
                "create temp table t(a int, b text default set_config('role', 'service_role', true)); insert into t values (1)",
                REFUSED,
            )
            .twin(As::Ann, "create temp table t(a int, b uuid default auth.uid()); insert into t values (1); select b from t", "{ANN_ID}"),
        case("in_a_check_of_an_own_table", "as a constraint, evaluated on insert")
            .refused(
                "create temp table t(a int check (set_config('role', 'service_role', true) is not null)); insert into t values (1)",
                REFUSED,
            )
            .twin(As::Ann, "create temp table t(a uuid check (a = auth.uid())); insert into t values (auth.uid()); select a from t", "{ANN_ID}"),
        case("in_an_own_view", "in a view made on the way")
            .refused("create temp view v as select set_config('role', 'service_role', true); select * from v", REFUSED)
            .twin(As::Ann, "create temp view v as select auth.uid(); select * from v", "{ANN_ID}"),
        case("in_a_cursor", "in a cursor, run when fetched")
            .refused("declare c cursor for select set_config('role', 'service_role', true); fetch c", REFUSED)
            .twin(As::Ann, "declare c cursor for select auth.uid(); fetch c", "{ANN_ID}"),
        case("in_a_cursor_held_over_the_commit", "a cursor WITH HOLD, read after the transaction", )
            .refused(
                "declare c cursor with hold for select set_config('role', 'service_role', true) from generate_series(1, 3); fetch c",
                REFUSED,
            )
            .twin(As::Ann, "declare c cursor with hold for select auth.uid(); commit; fetch c", "{ANN_ID}"),
        case("in_a_prepared_statement", "prepared before, executed after")
            .refused("prepare p as select set_config('role', $1, true); execute p('service_role')", REFUSED)
            .twin(As::Ann, "prepare p as select auth.uid(); execute p", "{ANN_ID}"),
        case("in_do", "PERFORM in an anonymous block")
            .refused("do $$ begin perform set_config('role', 'service_role', true); end $$", REFUSED)
            .twin(As::Ann, "do $$ begin perform set_config('work_mem', '1MB', true); end $$; show work_mem", "1MB"),
        case("in_do_by_null", "NULL in an anonymous block")
            .refused("do $$ begin perform set_config('role', null, true); end $$", REFUSED)
            .twin(As::Ann, "do $$ begin perform set_config('work_mem', null, true); end $$; show work_mem", "4MB"),
        case("in_a_function_that_runs_text", "ts_stat runs the query it is given")
            .refused("select * from ts_stat('select to_tsvector(''simple'', set_config(''role'', ''service_role'', true))')", REFUSED)
            .twin(As::Ann, "select count(*) from ts_stat('select to_tsvector(''simple'', ''a b'')')", "2"),
        case("for_a_thousand_rows", "many rows, many tries")
            .refused("select set_config('role', 'service_role', true) from generate_series(1, 1000)", REFUSED)
            .twin(As::Ann, "select count(auth.uid()) from generate_series(1, 1000)", "1000"),
        case("update_pg_settings_role", "a rule on the view calls set_config")
            .no_effect("update pg_settings set setting = 'service_role' where name = 'role'")
            .twin(As::Ann, "update pg_settings set setting = '2048' where name = 'work_mem'; show work_mem", "2MB"),
        case("update_pg_settings_session_authorization", "the same for the session user")
            .no_effect("update pg_settings set setting = 'postgres' where name = 'session_authorization'")
            .twin(As::Ann, "select count(*) > 100 from pg_settings", "t"),
        case("update_pg_settings_claims", "the same for the claims")
            .no_effect("update pg_settings set setting = '{}' where name = 'request.jwt.claims'")
            .twin(As::Ann, "select count(*) from pg_settings where name = 'work_mem'", "1"),
        case("update_pg_settings_everything", "the rule applied to every row there is")
            .refused("update pg_settings set setting = setting where name in ('role', 'app.user_id', 'block_size')", Refused("55P02"))
            .twin(As::Ann, "select setting from pg_settings where name = 'server_encoding'", "UTF8"),
    ]
}
