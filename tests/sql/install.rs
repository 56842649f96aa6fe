//! `CREATE EXTENSION` where something is in the way: one clear error, nothing half-made.
//!
//! Roles belong to the cluster, so these tests have a cluster of their own and take turns in it.

use crate::seal::{sqlstate, value};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::environment;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// A role that is in the way: how it is made, what the error names, how it is taken away.
const ROLES: [(&str, &str, &str); 23] = [
    ("anon_is_superuser", "create role anon superuser", "anon"),
    ("anon_bypasses_rls", "create role anon bypassrls", "anon"),
    ("anon_may_log_in", "create role anon login", "anon"),
    ("anon_makes_roles", "create role anon createrole", "anon"),
    (
        "authenticated_is_superuser",
        "create role authenticated superuser",
        "authenticated",
    ),
    (
        "authenticated_bypasses_rls",
        "create role authenticated bypassrls",
        "authenticated",
    ),
    (
        "authenticated_makes_roles",
        "create role authenticated createrole",
        "authenticated",
    ),
    (
        "authenticated_replicates",
        "create role authenticated replication",
        "authenticated",
    ),
    (
        "service_role_is_superuser",
        "create role service_role superuser bypassrls",
        "service_role",
    ),
    (
        "service_role_does_not_bypass_rls",
        "create role service_role",
        "service_role",
    ),
    (
        "app_is_superuser",
        "create role fluxbase_app login noinherit superuser",
        "fluxbase_app",
    ),
    (
        "app_bypasses_rls",
        "create role fluxbase_app login noinherit bypassrls",
        "fluxbase_app",
    ),
    (
        "app_inherits",
        "create role fluxbase_app login inherit",
        "fluxbase_app",
    ),
    (
        "app_cannot_log_in",
        "create role fluxbase_app nologin noinherit",
        "fluxbase_app",
    ),
    (
        "app_is_a_member_of_a_role",
        "create role fluxbase_app login noinherit; create role other; grant other to fluxbase_app",
        "fluxbase_app",
    ),
    (
        "mailer_is_superuser",
        "create role fluxbase_mailer login noinherit superuser",
        "fluxbase_mailer",
    ),
    (
        "mailer_bypasses_rls",
        "create role fluxbase_mailer login noinherit bypassrls",
        "fluxbase_mailer",
    ),
    (
        "mailer_inherits",
        "create role fluxbase_mailer login inherit",
        "fluxbase_mailer",
    ),
    (
        "mailer_cannot_log_in",
        "create role fluxbase_mailer nologin noinherit",
        "fluxbase_mailer",
    ),
    (
        "mailer_is_a_member_of_a_role",
        "create role fluxbase_mailer login noinherit; create role other; grant other to fluxbase_mailer",
        "fluxbase_mailer",
    ),
    (
        "trusted_may_log_in",
        "create role fluxbase_trusted login",
        "fluxbase_trusted",
    ),
    (
        "authenticated_is_a_member_of_service_role",
        "create role authenticated nologin noinherit; create role service_role nologin noinherit bypassrls; grant service_role to authenticated",
        "authenticated",
    ),
    (
        "admin_is_superuser",
        "create role fluxbase_admin nologin superuser",
        "fluxbase_admin",
    ),
];

static FRESH: OnceLock<Cluster> = OnceLock::new();
static TURN: Mutex<()> = Mutex::new(());

/// An empty cluster, for one test at a time.
struct Turn {
    cluster: &'static Cluster,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    fn take() -> Self {
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let cluster = FRESH.get_or_init(|| Cluster::start(""));
        let this = Self {
            cluster,
            _turn: turn,
        };
        let mut admin = this.cluster.connect("postgres", "postgres");
        for database in ["one", "two"] {
            admin
                .batch_execute(&format!("drop database if exists {database} with (force)"))
                .expect("dropped");
        }
        let roles = value(
            &mut admin,
            "select string_agg(quote_ident(rolname), ', ') from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres'",
        );
        if let Some(roles) = roles.expect("asked") {
            admin
                .batch_execute(&format!("drop role {roles}"))
                .expect("dropped");
        }
        for database in ["one", "two"] {
            admin
                .batch_execute(&format!("create database {database} template template0"))
                .expect("made");
        }
        this
    }

    fn connect(&self, user: &str, database: &str) -> Client {
        self.cluster.connect(user, database)
    }
}

/// Everything that could be left over, as one text.
pub fn catalogs(client: &mut Client) -> String {
    let asked = [
        "select string_agg(nspname || ' ' || nspowner::regrole || ' ' || coalesce(nspacl::text, ''), e'\\n' order by nspname) from pg_namespace where nspname !~ '^pg_(toast_)?temp_'",
        "select string_agg(oid::regclass::text || relkind::text, e'\\n' order by oid::regclass::text) from pg_class where relnamespace not in (select oid from pg_namespace where nspname ~ '^pg_')",
        "select string_agg(oid::regprocedure::text, e'\\n' order by oid::regprocedure::text) from pg_proc where oid > 16383",
        "select string_agg(oid::regtype::text, e'\\n' order by oid::regtype::text) from pg_type where oid > 16383",
        "select string_agg(evtname, e'\\n' order by evtname) from pg_event_trigger",
        "select string_agg(extname, e'\\n' order by extname) from pg_extension",
        "select string_agg(rolname || rolsuper::text || rolinherit::text || rolcreaterole::text || rolcanlogin::text || rolbypassrls::text || coalesce(rolconfig::text, ''), e'\\n' order by rolname) from pg_roles",
        "select string_agg(roleid::regrole || ' ' || member::regrole, e'\\n' order by roleid, member) from pg_auth_members",
        "select count(*)::text from pg_trigger",
        "select count(*)::text from pg_policy",
        "select count(*)::text from pg_default_acl",
        "select count(*)::text from pg_db_role_setting",
        "select count(*)::text from pg_init_privs",
        "select count(*)::text from pg_description",
        "select count(*)::text from pg_shdescription",
        "select count(*)::text from pg_depend",
        "select count(*)::text from pg_cast",
        "select count(*)::text from pg_opclass",
    ];
    asked
        .iter()
        .map(|question| value(client, question).expect("asked").unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n---\n")
}

/// Asserts one error of this SQLSTATE, naming this, and that nothing changed; returns its text.
fn refused(client: &mut Client, state: &str, names: &str) -> String {
    let before = catalogs(client);
    let outcome = client.batch_execute("create extension fluxbase");
    assert_eq!(sqlstate(&outcome).as_deref(), Some(state), "{outcome:?}");
    let text = format!("{:?}", outcome.expect_err("refused"));
    assert!(
        text.contains(names),
        "the error does not name {names}: {text}"
    );
    assert_eq!(catalogs(client), before, "something was left half-made");
    text
}

fn works(turn: &Turn, database: &str) {
    let mut superuser = turn.connect("postgres", database);
    superuser
        .batch_execute("create extension fluxbase")
        .expect("installed");
    let ann = fluxbase_tests::fixture::sign_up(
        &mut turn.connect("fluxbase_app", database),
        "ann@example.com",
    );
    let mut app = turn.connect("fluxbase_app", database);
    app.batch_execute(&format!("begin; select auth.enter('{}')", ann.token))
        .expect("enters");
    assert_eq!(
        value(&mut app, "select auth.uid()").expect("asked"),
        Some(ann.id)
    );
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials: Vec<Trial> = ROLES
        .into_iter()
        .map(|(name, making, named)| {
            trial(&fixture.cluster, format!("install_roles::{name}"), move || {
                let turn = Turn::take();
                let mut superuser = turn.connect("postgres", "one");
                superuser.batch_execute(making).expect("made");
                refused(&mut superuser, "55000", named);
                superuser.batch_execute("drop role if exists anon, authenticated, service_role, fluxbase_app, fluxbase_mailer, fluxbase_trusted, fluxbase_admin").expect("dropped");
                works(&turn, "one");
            })
        })
        .collect();
    let mut add = |name: &str, body: fn()| {
        trials.push(trial(&fixture.cluster, format!("install::{name}"), body));
    };
    add("a_foreign_schema_auth_is_left_alone", || {
        foreign_schema("auth", "users");
    });
    add("a_foreign_schema_audit_is_left_alone", || {
        foreign_schema("audit", "events");
    });
    add(
        "without_preload_one_error_names_the_line_to_add",
        not_preloaded,
    );
    add(
        "the_line_to_add_keeps_what_is_preloaded_already",
        preloaded_others,
    );
    add("loading_the_library_late_is_refused", loaded_late);
    add(
        "a_library_built_for_another_major_is_one_clear_error",
        wrong_major,
    );
    add("who_is_no_superuser_is_refused", not_superuser);
    add(
        "roles_made_before_with_the_right_attributes_are_taken_over",
        right_roles,
    );
    add("twice_is_refused_and_harms_nothing", twice);
    add("two_databases_of_a_cluster_are_strangers", two_databases);
    trials
}

fn foreign_schema(schema: &str, table: &str) {
    let turn = Turn::take();
    let mut superuser = turn.connect("postgres", "one");
    superuser
        .batch_execute(&format!(
            "create schema {schema}; create table {schema}.{table}(id int); insert into {schema}.{table} values (7)"
        ))
        .expect("foreign");
    refused(&mut superuser, "42P06", schema);
    assert_eq!(
        value(&mut superuser, &format!("select id from {schema}.{table}"))
            .expect("untouched")
            .as_deref(),
        Some("7")
    );
    superuser
        .batch_execute(&format!(
            "alter schema {schema} rename to {schema}_before_fluxbase"
        ))
        .expect("as the hint says");
    works(&turn, "one");
    let kept = format!("select id from {schema}_before_fluxbase.{table}");
    assert_eq!(
        value(&mut superuser, &kept).expect("untouched").as_deref(),
        Some("7")
    );
}

fn without_preload(settings: &str, line: &str) {
    let cluster = Cluster::start(settings);
    let mut superuser = cluster.connect("postgres", "postgres");
    let text = refused(&mut superuser, "55000", "shared_preload_libraries");
    assert!(text.contains(line), "{text}");
    // Without any guard in force, nothing that needs one may be had by naming the library.
    let load = superuser.batch_execute("load 'fluxbase'");
    assert!(load.is_err(), "the library loads late");
    cluster.stop();
}

fn not_preloaded() {
    without_preload(
        "shared_preload_libraries = ''",
        "shared_preload_libraries = 'fluxbase'",
    );
    works(&Turn::take(), "one");
}

fn preloaded_others() {
    without_preload(
        "shared_preload_libraries = 'auto_explain'",
        "shared_preload_libraries = 'auto_explain, fluxbase'",
    );
    let cluster = Cluster::start("shared_preload_libraries = 'auto_explain, fluxbase'");
    cluster
        .connect("postgres", "postgres")
        .batch_execute("create extension fluxbase")
        .expect("installed");
    cluster.stop();
}

fn loaded_late() {
    let cluster = Cluster::start("shared_preload_libraries = ''\nsession_preload_libraries = ''");
    let mut superuser = cluster.connect("postgres", "postgres");
    for late in [
        "load '$libdir/fluxbase'",
        "create function pg_temp.uid() returns uuid language c as '$libdir/fluxbase', 'uid_wrapper'",
        "create function pg_temp.enter(text) returns void language c as '$libdir/fluxbase', 'enter_wrapper'",
    ] {
        let outcome = superuser.batch_execute(late);
        assert_eq!(sqlstate(&outcome).as_deref(), Some("55000"), "{late}");
    }
    cluster.stop();
    let turn = Turn::take();
    turn.connect("postgres", "one")
        .batch_execute("load '$libdir/fluxbase'")
        .expect("loaded already");
}

/// Somebody copies the library of the server next door. PostgreSQL compares the versions before a line of it
/// runs; nothing is made, and the library that fits goes on working.
fn wrong_major() {
    let library = environment::library_of_another_major();
    let turn = Turn::take();
    let mut superuser = turn.connect("postgres", "one");
    let before = catalogs(&mut superuser);
    let outcome = superuser.batch_execute(&format!(
        "create function public.uid() returns uuid language c as '{}', 'uid_wrapper'",
        library.display()
    ));
    let error = outcome.expect_err("refused");
    let error = error.as_db_error().expect("by PostgreSQL");
    assert!(
        error.message().contains("incompatible library"),
        "{error:?}"
    );
    assert!(
        error
            .detail()
            .is_some_and(|detail| detail.contains("version")),
        "{error:?}"
    );
    assert_eq!(catalogs(&mut superuser), before);
    works(&turn, "one");
}

fn not_superuser() {
    let turn = Turn::take();
    let mut superuser = turn.connect("postgres", "one");
    superuser
        .batch_execute("create role dba login createdb createrole; alter database one owner to dba")
        .expect("role");
    let mut dba = turn.connect("dba", "one");
    let before = catalogs(&mut superuser);
    assert_eq!(
        sqlstate(&dba.batch_execute("create extension fluxbase")).as_deref(),
        Some("42501")
    );
    assert_eq!(catalogs(&mut superuser), before);
    works(&turn, "one");
}

fn right_roles() {
    let turn = Turn::take();
    let mut superuser = turn.connect("postgres", "one");
    superuser
        .batch_execute(
            "create role anon nologin noinherit; create role authenticated nologin noinherit; \
             create role service_role nologin noinherit bypassrls; create role fluxbase_app login noinherit password 'kept'; \
             create role fluxbase_mailer login noinherit password 'kept'; \
             create role mine in role anon",
        )
        .expect("roles");
    works(&turn, "one");
    let kept = "select count(rolpassword) = 2 from pg_authid where rolname in ('fluxbase_app', 'fluxbase_mailer')";
    assert_eq!(
        value(&mut superuser, kept).expect("asked").as_deref(),
        Some("t")
    );
}

fn twice() {
    let turn = Turn::take();
    works(&turn, "one");
    let mut superuser = turn.connect("postgres", "one");
    refused(&mut superuser, "42710", "fluxbase");
    superuser
        .batch_execute("create extension if not exists fluxbase; alter extension fluxbase update")
        .expect("harmless");
    assert_eq!(
        value(&mut superuser, "select count(*) from auth.users")
            .expect("asked")
            .as_deref(),
        Some("1")
    );
}

fn two_databases() {
    let turn = Turn::take();
    works(&turn, "one");
    works(&turn, "two");
    let (mut one, mut two) = (
        turn.connect("postgres", "one"),
        turn.connect("postgres", "two"),
    );
    let kid = "select kid from auth.signing_keys";
    assert_ne!(
        value(&mut one, kid).expect("asked"),
        value(&mut two, kid).expect("asked")
    );
    one.batch_execute("drop extension fluxbase")
        .expect("dropped");
    assert_eq!(
        value(&mut two, "select count(*) from auth.users")
            .expect("asked")
            .as_deref(),
        Some("1")
    );
    let mut app = turn.connect("fluxbase_app", "two");
    fluxbase_tests::fixture::sign_up(&mut app, "bob@example.com");
}
