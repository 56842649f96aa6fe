//! A stolen connection of the server's login, without a token: a visitor, nothing more.

use crate::seal::{assert_ann, assert_nobody, enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture, Shared};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// Attack, the SQLSTATE it ends in, and an allowed twin of the same login.
const ATTACKS: [(&str, &str, &str, &str); 60] = [
    (
        "set_role_anon",
        "set role anon",
        "42501",
        "select auth.enter_anonymous()",
    ),
    (
        "set_role_authenticated",
        "set role authenticated",
        "42501",
        "set role none",
    ),
    (
        "set_role_service_role",
        "set role service_role",
        "42501",
        "reset role",
    ),
    (
        "set_role_admin",
        "set role fluxbase_admin",
        "42501",
        "select current_user",
    ),
    (
        "set_role_trusted",
        "set role fluxbase_trusted",
        "42501",
        "select current_user",
    ),
    (
        "set_role_superuser",
        "set role postgres",
        "42501",
        "select current_user",
    ),
    (
        "set_local_role",
        "begin; set local role authenticated",
        "42501",
        "begin; set local work_mem = '1MB'; commit",
    ),
    (
        "set_config_role",
        "select set_config('role', 'authenticated', false)",
        "42501",
        "select set_config('work_mem', '1MB', false)",
    ),
    (
        "update_pg_settings_then_read",
        "update pg_settings set setting = 'service_role' where name = 'role'; select * from public.vault",
        "42501",
        "select 1",
    ),
    (
        "set_session_authorization",
        "set session authorization authenticated",
        "42501",
        "set session authorization default",
    ),
    (
        "commit_then_set_role",
        "begin; commit; set role service_role",
        "42501",
        "begin; commit",
    ),
    (
        "set_role_in_do",
        "do $$ begin set role authenticated; end $$",
        "42501",
        "do $$ begin null; end $$",
    ),
    (
        "set_role_in_a_function_clause",
        "create function pg_temp.f() returns int language sql set role = 'authenticated' as 'select 1'; select pg_temp.f()",
        "42501",
        "create function pg_temp.g() returns int language sql as 'select 1'; select pg_temp.g()",
    ),
    (
        "commit_in_do_then_set_role",
        "do $$ begin commit; set role authenticated; end $$",
        "42501",
        "do $$ begin commit; end $$",
    ),
    (
        "read_notes",
        "select * from public.notes",
        "42501",
        "begin; select auth.enter_anonymous(); select * from public.notes; commit",
    ),
    (
        "write_notes",
        "insert into public.notes(body) values ('x')",
        "42501",
        "select 1",
    ),
    (
        "read_vault",
        "select * from public.vault",
        "42501",
        "select 1",
    ),
    (
        "read_users",
        "select * from auth.users",
        "42501",
        "select auth.uid()",
    ),
    (
        "read_sessions",
        "select * from auth.sessions",
        "42501",
        "select auth.session_id()",
    ),
    (
        "read_keys",
        "select * from auth.signing_keys",
        "42501",
        "select auth.jwks()",
    ),
    (
        "read_settings",
        "select * from auth.settings",
        "42501",
        "select auth.check_settings('{}')",
    ),
    (
        "insert_user",
        "insert into auth.users(email, password_hash) values ('m@example.com', 'x')",
        "42501",
        "select auth.sign_up('m@example.com', 'Correct-Horse-7-Battery')",
    ),
    (
        "delete_sessions",
        "delete from auth.sessions",
        "42501",
        "select 1",
    ),
    (
        "user_object_of_another",
        "select auth.user_object(null::auth.users)",
        "42501",
        "select auth.uid()",
    ),
    (
        "get_user_without_entering",
        "select auth.get_user()",
        "42501",
        "begin; select auth.enter('{ANN}'); select auth.get_user(); commit",
    ),
    (
        "sign_out_without_entering",
        "select auth.sign_out()",
        "42501",
        "begin; select auth.enter('{BOB}'); select auth.sign_out(); rollback",
    ),
    (
        "configure",
        "select auth.configure('signup_enabled', 'false')",
        "42501",
        "select auth.check_settings('{\"signup_enabled\": true}')",
    ),
    (
        "rotate_keys",
        "select auth.rotate_signing_key()",
        "42501",
        "select auth.jwks()",
    ),
    (
        "mint_key",
        "select auth.mint_key('service_role')",
        "42501",
        "select auth.jwks()",
    ),
    (
        "set_claims",
        "set request.jwt.claims = '{\"role\":\"service_role\"}'",
        "42501",
        "set request.jwt.claims = ''",
    ),
    (
        "set_config_claims",
        "select set_config('request.jwt.claims', '{\"sub\":\"{ANN_ID}\",\"role\":\"authenticated\"}', true)",
        "42501",
        "select current_setting('request.jwt.claims', true)",
    ),
    (
        "set_claim_sub",
        "set request.jwt.claim.sub = '{ANN_ID}'",
        "42501",
        "show request.jwt.claim.sub",
    ),
    (
        "set_app_user_id",
        "set app.user_id = '{ANN_ID}'",
        "42501",
        "show app.user_id",
    ),
    (
        "claims_in_a_function_clause",
        "create function pg_temp.f() returns uuid language sql set request.jwt.claims = '{\"sub\":\"{ANN_ID}\",\"role\":\"authenticated\"}' as 'select auth.uid()'; select pg_temp.f()",
        "42501",
        "select auth.uid()",
    ),
    (
        "create_table",
        "create table public.mine()",
        "42501",
        "create temp table mine()",
    ),
    ("create_schema", "create schema mine", "42501", "select 1"),
    (
        "create_function",
        "create function public.mine() returns int language sql as 'select 1'",
        "42501",
        "create function pg_temp.mine() returns int language sql as 'select 1'",
    ),
    (
        "function_given_to_service_role",
        "create function pg_temp.f() returns text language sql security definer as 'select secret from public.vault'; alter function pg_temp.f() owner to service_role",
        "42501",
        "create function pg_temp.h() returns int language sql as 'select 1'",
    ),
    (
        "function_given_to_the_owner",
        "create function pg_temp.f() returns int language sql security definer as 'select 1'; alter function pg_temp.f() owner to fluxbase_admin",
        "42501",
        "select 1",
    ),
    (
        "table_given_away",
        "create temp table t(); alter table t owner to authenticated",
        "42501",
        "create temp table t()",
    ),
    (
        "own_password",
        "alter role fluxbase_app password 'x'",
        "42501",
        "select 1",
    ),
    (
        "own_password_as_current_user",
        "alter role current_user password 'x'",
        "42501",
        "select 1",
    ),
    (
        "own_settings",
        "alter role fluxbase_app set role = 'service_role'",
        "42501",
        "set work_mem = '1MB'",
    ),
    (
        "own_settings_search_path",
        "alter role fluxbase_app set search_path = 'pg_temp'",
        "42501",
        "set search_path = public",
    ),
    (
        "own_settings_reset",
        "alter role fluxbase_app reset all",
        "42501",
        "reset all",
    ),
    (
        "own_attributes",
        "alter role fluxbase_app inherit",
        "42501",
        "select 1",
    ),
    (
        "rename_oneself",
        "alter role fluxbase_app rename to other",
        "0A000",
        "select 1",
    ),
    ("create_role", "create role mallory", "42501", "select 1"),
    (
        "grant_membership",
        "grant authenticated to fluxbase_app",
        "42501",
        "select 1",
    ),
    (
        "grant_oneself",
        "grant fluxbase_app to plain",
        "42501",
        "select 1",
    ),
    (
        "alter_database",
        "alter database template1 set role = 'service_role'",
        "42501",
        "select 1",
    ),
    (
        "alter_system",
        "alter system set shared_preload_libraries = ''",
        "42501",
        "select 1",
    ),
    (
        "copy_to_program",
        "copy (select 1) to program 'id'",
        "42501",
        "select 1",
    ),
    (
        "read_file",
        "select pg_read_file('postgresql.conf')",
        "42501",
        "select 1",
    ),
    (
        "large_object_import",
        "select lo_import('/etc/passwd')",
        "42501",
        "select 1",
    ),
    (
        "password_hashes",
        "select * from pg_authid",
        "42501",
        "select count(*) from pg_roles",
    ),
    (
        "host_based_rules",
        "select * from pg_hba_file_rules",
        "42501",
        "select 1",
    ),
    (
        "drop_extension",
        "drop extension fluxbase",
        "42501",
        "select 1",
    ),
    (
        "terminate_others",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres' and pid <> pg_backend_pid()",
        "42501",
        "select pg_backend_pid()",
    ),
    (
        "language_c",
        "create function pg_temp.f(text) returns int language c as '$libdir/fluxbase', 'enter_wrapper'",
        "42501",
        "select 1",
    ),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Shared::new(fixture);
    let mut trials: Vec<Trial> = ATTACKS
        .into_iter()
        .map(|(name, attack, state, twin)| {
            let shared = Arc::clone(&shared);
            trial(
                &fixture.cluster,
                format!("app_without_token::{name}"),
                move || {
                    refused(shared.database(), attack, state, twin);
                },
            )
        })
        .collect();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("app_without_token::{name}"),
            move || body(&fixture.database()),
        ));
    };
    add(
        "granted_a_role_by_mistake_it_still_must_enter",
        granted_by_mistake,
    );
    add(
        "granted_trust_by_mistake_it_still_may_not_claim",
        trusted_by_mistake,
    );
    add("a_login_made_a_member_is_locked_the_same", member_login);
    add(
        "the_login_owns_nothing_and_is_a_member_of_nothing",
        owns_nothing,
    );
    trials
}

fn refused(database: &Database, attack: &str, state: &str, twin: &str) {
    let fixture = &database.fixture;
    // A session that a closing pool may end; never the tests' own.
    let mut app = database.app();
    let outcome = app.simple_query(&fixture.fill(attack));
    assert_eq!(
        sqlstate(&outcome).as_deref(),
        Some(state),
        "{attack}: {outcome:?}"
    );
    app.batch_execute("rollback").expect("ends");
    assert_nobody(&mut app);
    app.simple_query(&fixture.fill(twin))
        .unwrap_or_else(|error| panic!("the twin is refused: {twin}: {error:?}"));
    app.batch_execute("reset search_path").expect("as before");
    assert_nobody(&mut app);
}

/// The seed's way of setting up: `GRANT authenticated TO fluxbase_app`. Roles are the cluster's, so each of
/// these makes a login of its own.
fn granted_by_mistake(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            "create role app_with_roles login noinherit; grant fluxbase_app, anon, authenticated, service_role to app_with_roles",
        )
        .expect("granted");
    let mut app = database.connect("app_with_roles");
    for attack in [
        "set role service_role",
        "set role authenticated",
        "select set_config('role', 'service_role', false)",
    ] {
        assert_eq!(
            sqlstate(&app.batch_execute(attack)).as_deref(),
            Some("42501"),
            "{attack}"
        );
    }
    assert_eq!(
        sqlstate(&app.batch_execute("select secret from public.vault")).as_deref(),
        Some("42501")
    );
    drop(app);
    superuser
        .batch_execute("drop role app_with_roles")
        .expect("dropped");
    enter(&mut database.app(), &database.fixture);
}

fn trusted_by_mistake(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create role app_with_trust login; grant fluxbase_app, fluxbase_trusted to app_with_trust")
        .expect("granted");
    let mut app = database.connect("app_with_trust");
    let claim = r#"set request.jwt.claims = '{"role":"service_role"}'"#;
    assert_eq!(
        sqlstate(&app.batch_execute(claim)).as_deref(),
        Some("42501")
    );
    drop(app);
    superuser
        .batch_execute("drop role app_with_trust")
        .expect("dropped");
    database
        .connect("trusty")
        .batch_execute(claim)
        .expect("a trusted login that is not the server's");
}

fn member_login(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create role second_server login; grant fluxbase_app to second_server")
        .expect("made");
    let mut second = database.connect("second_server");
    for attack in [
        "set role authenticated",
        "set role fluxbase_app",
        "alter role second_server password 'x'",
        "set app.user_id = 'x'",
    ] {
        assert_eq!(
            sqlstate(&second.batch_execute(attack)).as_deref(),
            Some("42501"),
            "{attack}"
        );
    }
    second
        .batch_execute(&database.fixture.fill("begin; select auth.enter('{ANN}')"))
        .expect("it may enter");
    let id = value(&mut second, "select auth.uid()").expect("asked");
    assert_eq!(id.as_deref(), Some(database.fixture.ann.id.as_str()));
    drop(second);
    superuser
        .batch_execute("drop role second_server")
        .expect("dropped");
}

fn owns_nothing(database: &Database) {
    let mut superuser = database.superuser();
    for (what, count) in [
        (
            "select count(*) from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = 'fluxbase_app'::regrole and deptype = 'o'",
            "0",
        ),
        (
            "select count(*) from pg_auth_members where member in ('fluxbase_app'::regrole, 'anon'::regrole, 'authenticated'::regrole)",
            "0",
        ),
        (
            "select count(*) from pg_roles where rolname = 'fluxbase_app' and (rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)",
            "0",
        ),
        (
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'auth' and c.relkind = 'r' and (has_table_privilege('fluxbase_app', c.oid, 'select, insert, update, delete, truncate') or has_any_column_privilege('fluxbase_app', c.oid, 'select'))",
            "0",
        ),
        (
            "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'auth' and p.proname in ('enter', 'enter_anonymous', 'sign_up', 'sign_in', 'check_settings') and has_function_privilege('fluxbase_app', p.oid, 'execute')",
            "5",
        ),
    ] {
        assert_eq!(
            value(&mut superuser, what).expect("asked").as_deref(),
            Some(count),
            "{what}"
        );
    }
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    assert_ann(&mut app, &database.fixture);
}
