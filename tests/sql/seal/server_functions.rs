//! Functions and statements that reach past the database: files, programs, other sessions, native code.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("read_file", "read a file of the server")
            .refused("select pg_read_file('postgresql.conf')", REFUSED)
            .twin(As::Super, "select length(pg_read_file('PG_VERSION')) > 0", "t"),
        case("read_binary_file", "the same as bytes")
            .refused("select pg_read_binary_file('/etc/passwd')", REFUSED)
            .twin(As::Super, "select length(pg_read_binary_file('PG_VERSION')) > 0", "t"),
        case("list_directory", "list the server's directory")
            .refused("select pg_ls_dir('.')", REFUSED)
            .twin(As::Super, "select count(*) > 0 from pg_ls_dir('.')", "t"),
        case("read_the_log", "list the logs, where statements are")
            .refused("select * from pg_ls_logdir()", REFUSED)
            .twin(As::Super, "select count(*) > 0 from pg_ls_logdir()", "t"),
        case("reload_configuration", "make changed files count")
            .refused("select pg_reload_conf()", REFUSED)
            .twin(As::Super, "select has_function_privilege('postgres', 'pg_reload_conf()', 'execute')", "t"),
        case("terminate_another_backend", "end the superuser's session")
            .refused("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and pid <> pg_backend_pid()", REFUSED)
            .twin(As::Ann, "select pg_terminate_backend(-1)", "f"),
        case("cancel_another_backend", "cancel the superuser's query")
            .refused("select pg_cancel_backend(pid) from pg_stat_activity where usename = 'postgres' and pid <> pg_backend_pid()", REFUSED)
            .twin(As::Ann, "select pg_cancel_backend(-1)", "f"),
        case("read_other_sessions_queries", "see what the superuser runs")
            .no_effect("select query from pg_stat_activity")
            .twin(As::Ann, "select count(*) from pg_stat_activity where usename = 'postgres' and query not like '<insuff%' and query <> ''", "0"),
        case("large_object_import", "a file into a large object")
            .refused("select lo_import('/etc/passwd')", REFUSED)
            .twin(As::Ann, "select lo_from_bytea(0, 'x') > 0", "t"),
        case("large_object_export", "a large object into a file")
            .refused("select lo_export(lo_from_bytea(0, 'x'), '/tmp/fluxbase-tests-escape')", REFUSED)
            .twin(As::Ann, "select lo_unlink(lo_from_bytea(0, 'x'))", "1"),
        case("copy_to_program", "run a program")
            .refused("copy notes to program 'id'", REFUSED)
            .twin(As::Super, "copy (select 1) to program 'cat >/dev/null'; select 1", "1"),
        case("copy_from_program", "read a program's output")
            .refused("create temp table t(l text); copy t from program 'id'", REFUSED)
            .twin(As::Super, "create temp table t(l text); copy t from program 'echo x'; select l from t", "x"),
        case("copy_to_file", "write a file")
            .refused("copy notes to '/tmp/fluxbase-tests-escape'", REFUSED)
            .twin(As::Ann, "select count(*) from notes where owner = auth.uid()", "1"),
        case("copy_from_file", "read a file")
            .refused("create temp table t(l text); copy t from '/etc/passwd'", REFUSED)
            .twin(As::Ann, "create temp table t(l text); select count(*) from t", "0"),
        case("language_c", "a function in C: any symbol of any library")
            .refused("create function pg_temp.f(text) returns int language c as '$libdir/fluxbase', 'enter_wrapper'", REFUSED)
            .twin(As::Super, "create function pg_temp.f() returns uuid language c as '$libdir/fluxbase', 'uid_wrapper'; select pg_temp.f()", ""),
        case("language_internal", "set_config under another name and signature")
            .refused("create function pg_temp.f(text, text, boolean) returns text language internal as 'set_config_by_name'", REFUSED)
            .twin(As::Super, "create function pg_temp.f(text, text, boolean) returns text language internal as 'set_config_by_name'; select pg_temp.f('work_mem', '1MB', false)", "1MB"),
        case("set_config_under_another_name", "the author gave set_config another name")
            .before("create function public.harmless(text, text, boolean) returns text language internal as 'set_config_by_name'")
            .refused("select harmless('role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "select harmless('work_mem', '1MB', true)", "1MB"),
        case("untrusted_language", "a language without fences")
            .before("create language unfenced handler plpgsql_call_handler")
            .refused("create function pg_temp.f() returns int language unfenced as 'begin return 1; end'", REFUSED)
            .twin(As::Super, "create function pg_temp.f() returns int language unfenced as 'begin return 1; end'; select pg_temp.f()", "1"),
        case("language_of_ones_own", "make a language")
            .refused("create language mine handler plpgsql_call_handler", Refused("42501"))
            .twin(As::Ann, "select count(*) from pg_language where lanname = 'plpgsql'", "1"),
        case("load_a_library", "load native code")
            .refused("load '/tmp/evil.so'", REFUSED)
            .twin(As::Super, "load 'plpgsql'; select 1", "1"),
        case("local_preload", "have native code loaded at the next login")
            .refused("set session_preload_libraries = 'evil'", REFUSED)
            .twin(As::Super, "show session_preload_libraries", ""),
        case("server_settings", "change what only the superuser may")
            .refused("set local log_statement = 'none'", REFUSED)
            .twin(As::Super, "set log_statement = 'none'; show log_statement", "none"),
        case("event_trigger_functions", "the functions of event triggers, called directly")
            .refused("select * from pg_event_trigger_ddl_commands()", Refused("39P03"))
            .twin(As::Ann, "select count(*) from pg_event_trigger", "2"),
        case("statistics_of_a_private_table", "values of private columns in the statistics")
            .no_effect("select * from pg_stats where schemaname = 'auth'")
            .twin(As::Ann, "select count(*) from pg_stats where schemaname = 'auth'", "0"),
        case("wal_and_replication", "look at the write-ahead log")
            .refused("select pg_create_logical_replication_slot('s', 'test_decoding')", Refused("42501"))
            .twin(As::Super, "select count(*) from pg_replication_slots", "0"),
        case("advisory_locks", "harmless, and stay so")
            .no_effect("select pg_advisory_xact_lock(4711)")
            .twin(As::Ann, "select pg_try_advisory_xact_lock(4712)", "t"),
        case("read_private_tables_users", "read the accounts")
            .refused("select * from auth.users", REFUSED)
            .twin(As::Ann, "select auth.get_user()->>'email'", "ann@example.com"),
        case("configure", "change a setting of the extension")
            .refused("select auth.configure('signup_enabled', 'false')", REFUSED)
            .twin(As::Super, "select auth.configure('signup_enabled', 'false'); select value from auth.settings where key = 'signup_enabled'", "false"),
        case("rotate_keys", "make everybody's key old")
            .refused("select auth.rotate_signing_key()", REFUSED)
            .twin(As::Super, "select length(auth.rotate_signing_key()) > 0", "t"),
        case("mint_a_key", "a key for service_role")
            .refused("select auth.mint_key('service_role')", REFUSED)
            .twin(As::Super, "select auth.mint_key('anon') like 'eyJ%'", "t"),
        case("sign_in_as_another", "make a token for somebody else while being Ann")
            .refused("select auth.sign_in('bob@example.com', 'Correct-Horse-7-Battery')", REFUSED)
            .twin(As::App, "select auth.sign_in('bob@example.com', 'Correct-Horse-7-Battery')->'user'->>'email'", "bob@example.com"),
    ]
}
