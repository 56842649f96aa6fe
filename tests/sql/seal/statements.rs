//! Statements that change roles.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("set_role", "become service_role by SET ROLE")
            .refused("set role service_role", REFUSED)
            .twin(As::Super, "set role service_role; select current_user", "service_role"),
        case("set_local_role", "the same for the transaction only")
            .refused("set local role service_role", REFUSED)
            .twin(As::Super, "begin; set local role service_role; select current_user", "service_role"),
        case("set_session_role", "the same for the session")
            .refused("set session role service_role", REFUSED)
            .twin(As::Super, "set session role anon; select current_user", "anon"),
        case("set_role_quoted", "an identifier in double quotes")
            .refused(r#"set role "service_role""#, REFUSED)
            .twin(As::Super, r#"set role "service_role"; select current_user"#, "service_role"),
        case("set_role_as_a_text", "a text in single quotes")
            .refused("set role 'service_role'", REFUSED)
            .twin(As::Super, "set role 'service_role'; select current_user", "service_role"),
        case("set_role_in_capitals", "other letters, same statement")
            .refused("SET ROLE SERVICE_ROLE", REFUSED)
            .twin(As::Super, "SET ROLE SERVICE_ROLE; select current_user", "service_role"),
        case("set_role_between_comments", "comments and line ends between the words")
            .refused("set/**/\n role--\n service_role", REFUSED)
            .twin(As::Ann, "set/**/\n work_mem--\n = '1MB'; show work_mem", "1MB"),
        case("set_role_with_equals", "role as any other setting")
            .refused("set role = service_role", REFUSED)
            .twin(As::Super, "set role = service_role; select current_user", "service_role"),
        case("set_role_with_to_and_quotes", "the quoted name of the setting")
            .refused(r#"set "role" to 'service_role'"#, REFUSED)
            .twin(As::Super, r#"set "role" to 'service_role'; select current_user"#, "service_role"),
        case("set_role_in_unicode_escapes", "the role's name in escapes")
            .refused(r"set role U&'service\005Frole'", REFUSED)
            .twin(As::Super, r"set role U&'service\005Frole'; select current_user", "service_role"),
        case("set_role_none", "back to the login")
            .refused("set role none", REFUSED)
            .twin(As::App, "set role none; select current_user", "fluxbase_app"),
        case("set_role_to_default", "back to the login by DEFAULT")
            .refused("set role to default", REFUSED)
            .twin(As::App, "reset role; select current_user", "fluxbase_app"),
        case("reset_role", "back to the login by RESET")
            .refused("reset role", REFUSED)
            .twin(As::Super, "set role anon; reset role; select current_user", "postgres"),
        case("set_role_anon", "down to anon, where the policies of visitors hold")
            .refused("set role anon", REFUSED)
            .twin(As::Super, "set role anon; select current_user", "anon"),
        case("set_role_to_the_same", "re-set the same role, as a probe for what is remembered")
            .refused("set role authenticated", REFUSED)
            .twin(As::Trusted, "set role authenticated; select current_user", "authenticated"),
        case("set_role_to_the_owner", "become the owner of the extension")
            .refused("set role fluxbase_admin", REFUSED)
            .twin(As::Super, "set role fluxbase_admin; select current_user", "fluxbase_admin"),
        case("set_role_to_the_superuser", "become the superuser")
            .refused("set role postgres", REFUSED)
            .twin(As::Super, "set role postgres; select current_user", "postgres"),
        case("set_session_authorization", "change the session user")
            .refused("set session authorization service_role", REFUSED)
            .twin(As::Super, "set session authorization service_role; select session_user", "service_role"),
        case("set_session_authorization_to_itself", "the own name is allowed to every login")
            .refused("set session authorization fluxbase_app", REFUSED)
            .twin(As::App, "set session authorization fluxbase_app; select session_user", "fluxbase_app"),
        case("set_session_authorization_default", "drops the role as a side effect")
            .refused("set session authorization default", REFUSED)
            .twin(As::App, "set session authorization default; select current_user", "fluxbase_app"),
        case("set_local_session_authorization", "for the transaction only")
            .refused("set local session authorization default", REFUSED)
            .twin(As::App, "begin; set local session authorization default; select current_user", "fluxbase_app"),
        case("reset_session_authorization", "by RESET")
            .refused("reset session authorization", REFUSED)
            .twin(As::App, "reset session authorization; select current_user", "fluxbase_app"),
        case("reset_session_authorization_as_a_setting", "under the setting's own name")
            .refused("reset session_authorization", REFUSED)
            .twin(As::App, "reset session_authorization; select current_user", "fluxbase_app"),
        case("set_session_authorization_as_a_setting", "under the setting's own name")
            .refused("set session_authorization = 'postgres'", REFUSED)
            .twin(As::Super, "set session_authorization = 'anon'; select session_user", "anon"),
        case("reset_all", "RESET ALL, as poolers send it")
            .no_effect("reset all")
            .twin(As::Ann, "set local work_mem = '1MB'; reset all; show work_mem", "4MB"),
        case("discard_all", "DISCARD ALL, as poolers send it")
            .refused("discard all", Refused("25001"))
            .twin(As::App, "discard all", ""),
        case("discard_temp", "DISCARD TEMP")
            .no_effect("discard temp")
            .twin(As::Ann, "create temp table t(); discard temp; select to_regclass('pg_temp.t')", ""),
        case("discard_plans", "plans are made anew; for whom?")
            .no_effect("discard plans")
            .twin(As::Ann, "discard plans; select count(*) from notes where not is_public", "1"),
        case("discard_sequences", "DISCARD SEQUENCES")
            .no_effect("discard sequences")
            .twin(As::Ann, "discard sequences; select current_user", "authenticated"),
        case("prepared_set_role", "the statement behind PREPARE; only queries can be prepared")
            .refused("prepare p as set role service_role", Refused("42601"))
            .twin(As::Ann, "prepare p as select current_user; execute p", "authenticated"),
        case("row_security_off", "switch the policies off for oneself")
            .refused("set local row_security = off; select * from notes", REFUSED)
            .twin(As::Ann, "set local row_security = on; select count(*) from notes where not is_public", "1"),
        case("session_replication_role", "switch triggers off")
            .refused("set local session_replication_role = replica", REFUSED)
            .twin(As::Super, "begin; set local session_replication_role = replica; show session_replication_role", "replica"),
        case("search_path", "put a schema in front of everything")
            .no_effect("set local search_path = pg_temp, public, auth, pg_catalog")
            .twin(As::Ann, "set local search_path = auth; select uid()", "{ANN_ID}"),
        case("temporary_shadow_of_uid", "a function of the same name in the temporary schema")
            .no_effect(
                "create function pg_temp.uid() returns uuid language sql as \
                 'select ''{BOB_ID}''::uuid'; set local search_path = pg_temp, auth",
            )
            .twin(As::Ann, "create function pg_temp.one() returns int language sql as 'select 1'; select pg_temp.one()", "1"),
        case("schema_auth_renamed_away", "make room for an own schema auth")
            .refused("alter schema auth rename to other", REFUSED)
            .twin(As::Super, "create schema s; alter schema s rename to t; select to_regnamespace('t')", "t"),
        case("uid_replaced", "replace auth.uid() itself")
            .refused("create or replace function auth.uid() returns uuid language sql as 'select null::uuid'", REFUSED)
            .twin(As::Ann, "create or replace function pg_temp.u() returns uuid language sql as 'select auth.uid()'; select pg_temp.u()", "{ANN_ID}"),
        case("do_block", "SET ROLE in an anonymous block")
            .refused("do $$ begin set local role service_role; end $$", REFUSED)
            .twin(As::Ann, "do $$ begin set local work_mem = '1MB'; end $$; show work_mem", "1MB"),
        case("dynamic_sql", "SET ROLE put together at run time")
            .refused("do $$ begin execute 'set ' || 'ro' || 'le serv' || 'ice_role'; end $$", REFUSED)
            .twin(As::Ann, "do $$ begin execute 'set local work' || '_mem = ''1MB'''; end $$; show work_mem", "1MB"),
        case("do_block_that_swallows", "catch the refusal and look again")
            .no_effect(
                "do $$ begin begin set local role service_role; exception when others then null; end; \
                 perform count(*) from notes; end $$",
            )
            .twin(As::Ann, "do $$ begin begin perform 1/0; exception when others then null; end; end $$; select current_user", "authenticated"),
        case("do_block_that_rolls_a_change_back", "enter nothing, roll back something")
            .no_effect(
                "do $$ begin begin set local work_mem = '1MB'; raise exception 'x'; \
                 exception when others then null; end; end $$",
            )
            .twin(As::Ann, "savepoint s; set local work_mem = '1MB'; rollback to s; show work_mem", "4MB"),
        case("nested_savepoints", "unwind many levels at once")
            .no_effect(
                "savepoint a; savepoint b; savepoint c; insert into notes(body) values ('x'); \
                 rollback to savepoint a; release savepoint a",
            )
            .twin(As::Ann, "savepoint a; savepoint b; release savepoint a; select current_user", "authenticated"),
        case("listen_and_notify", "harmless, and stays so")
            .no_effect("listen fluxbase_keys; notify fluxbase_keys, 'x'; unlisten *")
            .twin(As::Ann, "listen x; select current_user", "authenticated"),
        case("statement_timeout", "time limits are everybody's own")
            .refused("set local statement_timeout = '20ms'; select pg_sleep(0.5)", Refused("57014"))
            .twin(As::Ann, "set local statement_timeout = '5s'; select current_user", "authenticated"),
    ]
}
