//! Keys, secrets and password hashes: no role but the owner reads them, by any path.

use crate::seal::{enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture, Shared};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

const SECRET: &str = "tell-nobody-tell-nobody-tell-nobody-0123456789";

/// Paths to what is private; each is refused to every role below the owner, or shows nothing of it.
const PATHS: [(&str, &str); 24] = [
    ("select", "select * from auth.signing_keys"),
    ("one_column", "select kid from auth.signing_keys"),
    ("count", "select count(*) from auth.signing_keys"),
    ("whole_row", "select k from auth.signing_keys k"),
    ("copy", "copy auth.signing_keys to stdout"),
    (
        "copy_of_a_query",
        "copy (select private_key from auth.signing_keys) to stdout",
    ),
    ("settings", "select * from auth.settings"),
    (
        "settings_value",
        "select value from auth.settings where key = 'jwt_secret'",
    ),
    ("password_hashes", "select password_hash from auth.users"),
    (
        "refresh_hashes",
        "select refresh_token_hash from auth.sessions",
    ),
    (
        "statistics",
        "select * from pg_stats where schemaname = 'auth'",
    ),
    ("raw_statistics", "select * from pg_statistic"),
    (
        "statistics_by_planning",
        "explain select * from auth.signing_keys where kid = 'x'",
    ),
    (
        "view_of_ones_own",
        "create temp view v as select * from auth.signing_keys; select * from v",
    ),
    (
        "function_of_ones_own",
        "create function pg_temp.f() returns setof auth.signing_keys language sql as 'select * from auth.signing_keys'; select * from pg_temp.f()",
    ),
    (
        "foreign_key_probe",
        "create temp table t(kid text references auth.signing_keys)",
    ),
    (
        "inheritance",
        "create temp table t() inherits (auth.signing_keys)",
    ),
    (
        "table_like",
        "create temp table t (like auth.signing_keys); select * from auth.signing_keys",
    ),
    (
        "settings_as_gucs",
        "select * from pg_settings where setting like '%tell-nobody%'",
    ),
    (
        "current_setting",
        "select current_setting('auth.jwt_secret')",
    ),
    (
        "current_setting_of_the_section",
        "select current_setting('fluxbase.jwt_secret')",
    ),
    (
        "activity",
        "select * from pg_stat_activity where query like '%tell-' || 'nobody%'",
    ),
    (
        "to_xml",
        "select query_to_xml('select * from auth.signing_keys', true, true, '')",
    ),
    (
        "database_to_json",
        "select jsonb_agg(k) from auth.signing_keys k",
    ),
];

/// Tables of which nobody below the owner sees or changes anything.
const TABLES: [&str; 18] = [
    "auth.settings",
    "auth.signing_keys",
    "auth.users",
    "auth.sessions",
    "auth.revoked_tokens",
    "auth.revoked_before",
    "auth.one_time_tokens",
    "auth.login_attempts",
    "auth.totp_factors",
    "auth.backup_codes",
    "auth.challenges",
    "auth.nonces",
    "auth.sealing_keys",
    "auth.service_keys",
    "auth.client_keys",
    "auth.impersonation_sessions",
    "auth.breached_passwords",
    "audit.events",
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Shared::new(fixture);
    let mut trials: Vec<Trial> = PATHS
        .into_iter()
        .map(|(name, path)| {
            let shared = Arc::clone(&shared);
            trial(
                &fixture.cluster,
                format!("secrets::{name}_tells_nothing"),
                move || {
                    closed(shared.database(), path);
                },
            )
        })
        .collect();
    let open = Shared::new(fixture);
    trials.extend(TABLES.into_iter().map(|table| {
        let shared = Arc::clone(&open);
        trial(
            &fixture.cluster,
            format!("secrets::{table}_is_closed_to_everybody_but_the_owner"),
            move || table_is_closed(shared.database(), table),
        )
    }));
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("secrets::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add("no_table_of_ours_was_forgotten_here", no_table_forgotten);
    add(
        "check_settings_names_what_differs_and_tells_no_value",
        check_settings,
    );
    add("jwks_holds_public_parts_only", jwks);
    add("an_error_about_a_secret_does_not_repeat_it", error_text);
    add("a_dump_by_another_login_is_refused", dump);
    add(
        "rotation_makes_a_new_key_and_keeps_the_old_one_verifying",
        rotation,
    );
    add("configure_refuses_unknown_names_and_bad_values", configure);
    trials
}

fn with_secret(database: &Database) {
    database
        .superuser()
        .execute("select auth.configure('jwt_secret', $1)", &[&SECRET])
        .expect("configured");
    database
        .superuser()
        .batch_execute("analyze")
        .expect("statistics");
}

/// Everybody below the owner: a login, and what it does first.
fn entries(fixture: &Fixture) -> [(&'static str, String); 8] {
    [
        ("plain", String::new()),
        ("trusty", String::new()),
        ("trusty", "set role service_role".into()),
        ("fluxbase_mailer", String::new()),
        ("fluxbase_app", String::new()),
        ("fluxbase_app", "select auth.enter_anonymous()".into()),
        ("fluxbase_app", fixture.fill("select auth.enter('{ANN}')")),
        (
            "fluxbase_app",
            fixture.fill("select auth.enter('{SERVICE}')"),
        ),
    ]
}

fn table_is_closed(database: &Database, table: &str) {
    let column = value(
        &mut database.superuser(),
        &format!(
            "select attname from pg_attribute where attrelid = '{table}'::regclass and attnum = 1"
        ),
    )
    .expect("asked")
    .expect("a column");
    let forms = [
        format!("select * from {table}"),
        format!("select {column} from {table}"),
        format!("select count(*) from {table}"),
        format!("select ctid from {table}"),
        format!("copy {table} to stdout"),
        format!("insert into {table} default values"),
        format!("update {table} set {column} = {column}"),
        format!("delete from {table}"),
        format!("truncate {table}"),
        format!("lock table {table} in access share mode"),
        format!("create temp view v as select * from {table}; select * from v"),
        format!("create temp table t (like {table}); insert into t select * from {table}"),
        format!("create trigger t before insert on {table} execute function auth.notify_keys()"),
        format!("alter table {table} add column more text"),
    ];
    for (login, entry) in entries(&database.fixture) {
        let mut client = database.connect(login);
        for form in &forms {
            client
                .batch_execute(&format!("begin; {entry}"))
                .expect("begins");
            let outcome = client.batch_execute(form);
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login} {entry}: {form}"
            );
            client.batch_execute("rollback").expect("ends");
        }
    }
    database
        .superuser()
        .batch_execute(&format!(
            "begin; set local role fluxbase_admin; select * from {table}; lock table {table}; rollback"
        ))
        .expect("the owner reads");
}

fn no_table_forgotten(database: &Database) {
    let listed = TABLES.map(|table| format!("'{table}'")).join(", ");
    let forgotten = value(
        &mut database.superuser(),
        &format!(
            "select string_agg(c.oid::regclass::text, ', ') from pg_class c \
             where c.relnamespace in ('auth'::regnamespace, 'audit'::regnamespace) and c.relkind in ('r', 'v', 'm', 'p', 'f', 'S') \
               and c.oid::regclass::text not in ({listed})"
        ),
    );
    assert_eq!(forgotten.expect("asked"), None);
}

fn closed(database: &Database, path: &str) {
    with_secret(database);
    let private = value(
        &mut database.superuser(),
        "select encode(private_key, 'hex') from auth.signing_keys",
    )
    .expect("asked")
    .expect("a key");
    let hash = value(
        &mut database.superuser(),
        "select password_hash from auth.users limit 1",
    )
    .expect("asked")
    .expect("a hash");
    let fixture = &database.fixture;
    for (login, entry) in entries(fixture) {
        let mut client = database.connect(login);
        client
            .batch_execute(&format!("begin; {entry}"))
            .expect("begins");
        match client.simple_query(path) {
            Err(error) => {
                let state = error.code().expect("an SQLSTATE").code().to_owned();
                // 42704: no such setting. 42P16/0A000: PostgreSQL refuses the form before the privilege.
                assert!(
                    matches!(state.as_str(), "42501" | "42704" | "42P16" | "0A000"),
                    "{login} {entry}: {error:?}"
                );
                let said = format!("{error:?}");
                assert!(!said.contains(SECRET) && !said.contains(&hash), "{said}");
            }
            Ok(messages) => {
                let shown = format!("{messages:?}");
                for secret in [SECRET, private.as_str(), hash.as_str()] {
                    assert!(!shown.contains(secret), "{login} {entry} sees it by {path}");
                }
                let rows = messages
                    .iter()
                    .filter(|message| matches!(message, postgres::SimpleQueryMessage::Row(_)))
                    .count();
                assert_eq!(rows, 0, "{login} {entry} sees rows by {path}: {shown}");
            }
        }
    }
    // The owner, and who is granted it, does read them.
    let mut owner = database.superuser();
    let kid = value(
        &mut owner,
        "set role fluxbase_admin; select kid from auth.signing_keys",
    )
    .expect("the owner reads");
    assert!(kid.is_some());
}

fn check_settings(database: &Database) {
    with_secret(database);
    let mut app = database.app();
    let mut check = |expected: &str| -> Vec<String> {
        app.query_one("select auth.check_settings($1::text::jsonb)", &[&expected])
            .expect("checked")
            .get(0)
    };
    assert_eq!(
        check(&format!(r#"{{"jwt_secret":"{SECRET}"}}"#)),
        Vec::<String>::new()
    );
    assert_eq!(
        check(r#"{"jwt_secret":"another secret, also longer than 32 characters"}"#),
        ["jwt_secret"]
    );
    assert_eq!(
        check(r#"{"access_token_expiry":"360m","signup_enabled":true}"#),
        Vec::<String>::new()
    );
    assert_eq!(
        check(r#"{"access_token_expiry":"15m"}"#),
        ["access_token_expiry"]
    );
    assert_eq!(
        sqlstate(
            &database
                .connect("plain")
                .batch_execute("select auth.check_settings('{}')")
        )
        .as_deref(),
        Some("42501")
    );
    let mut sealed = database.app();
    enter(&mut sealed, &database.fixture);
    assert_eq!(
        sqlstate(&sealed.batch_execute("select auth.check_settings('{}')")).as_deref(),
        Some("42501")
    );
}

fn jwks(database: &Database) {
    let mut plain = database.connect("plain");
    let keys: serde_json::Value = plain
        .query_one("select auth.jwks()", &[])
        .expect("public")
        .get(0);
    let key = keys["keys"][0].as_object().expect("a key");
    let mut names: Vec<&str> = key.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(key["alg"], "ES256");
}

fn error_text(database: &Database) {
    let mut superuser = database.superuser();
    for (key, text) in [
        ("jwt_secret", "short-secret"),
        ("jwt_secrets", SECRET),
        ("jwt_secret_previous", "short-secret"),
    ] {
        let error = superuser
            .execute("select auth.configure($1, $2)", &[&key, &text])
            .expect_err("refused");
        assert_eq!(error.code().map(|code| code.code()), Some("FX008"));
        assert!(!format!("{error:?}").contains(text), "{error:?}");
    }
    superuser
        .execute("select auth.configure('jwt_secret', $1)", &[&SECRET])
        .expect("allowed");
}

fn dump(database: &Database) {
    for (login, allowed) in [
        ("plain", false),
        ("fluxbase_app", false),
        ("postgres", true),
    ] {
        let output = database
            .fixture
            .cluster
            .program("pg_dump")
            .env("PGUSER", login)
            .args(["--data-only", &database.name])
            .output()
            .expect("pg_dump runs");
        assert_eq!(
            output.status.success(),
            allowed,
            "{login}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text.contains("$argon2id$"), allowed, "{login}");
    }
}

fn rotation(database: &Database) {
    let mut superuser = database.superuser();
    let old = value(&mut superuser, "select kid from auth.signing_keys").expect("asked");
    let fresh = value(&mut superuser, "select auth.rotate_signing_key()").expect("rotated");
    assert_ne!(old, fresh);
    let signing = value(
        &mut superuser,
        "select kid from auth.signing_keys where retired_at is null",
    )
    .expect("asked");
    assert_eq!(signing, fresh);
    // The API keys of ten years keep the old pair verifying as long.
    let long = "select verify_until > now() + interval '9 years' from auth.signing_keys where retired_at is not null";
    assert_eq!(
        value(&mut superuser, long).expect("asked").as_deref(),
        Some("t")
    );
    let mut app = database.app();
    for token in [
        &database.fixture.ann.token,
        &database.fixture.service_key,
        &database.fixture.anon_key,
    ] {
        app.batch_execute(&format!("begin; select auth.enter('{token}'); rollback"))
            .expect("still verifies");
    }
}

fn configure(database: &Database) {
    let mut superuser = database.superuser();
    for (key, text, near) in [
        ("acces_token_expiry", "5m", "access_token_expiry"),
        ("jwt_secert", SECRET, "jwt_secret"),
        ("access_token_expiry", "5x", ""),
        ("access_token_expiry", "1s", ""),
        ("access_token_expiry", "-5m", ""),
        ("signup_enabled", "perhaps", ""),
        ("password_min_length", "3", ""),
        ("password_min_length", "12; drop table auth.users", ""),
        ("", "x", ""),
    ] {
        let error = superuser
            .execute("select auth.configure($1, $2)", &[&key, &text])
            .expect_err("refused");
        assert_eq!(
            error.code().map(|code| code.code()),
            Some("FX008"),
            "{key}={text}"
        );
        assert!(format!("{error:?}").contains(near), "{error:?}");
    }
    assert_eq!(
        value(
            &mut superuser,
            "select count(*) from auth.settings where updated_at > now() - interval '1 minute' and key not in \
             ('access_token_expiry', 'max_login_attempts_per_ip', 'max_concurrent_hashes')"
        )
            .expect("asked")
            .as_deref(),
        Some("0")
    );
    superuser
        .batch_execute("select auth.configure('access_token_expiry', '5m')")
        .expect("allowed");
    let reply: serde_json::Value = database
        .app()
        .query_one(
            "select auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery')",
            &[],
        )
        .expect("signed in")
        .get(0);
    assert_eq!(reply["expires_in"], 300);
}
