//! No password, token, code or key reaches a log or a view of PostgreSQL, whatever it is told to write down: its own
//! log with parameters, auto_explain with nested statements, pgaudit, pg_stat_statements. Nor what is typed into psql.

use crate::acts::{act, act_as, superuser, text};
use fluxbase_tests::additions::Addition;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::environment::postgres_root;
use fluxbase_tests::fixture::{Database, Fixture, PASSWORD};
use fluxbase_tests::secrets::{Secrets, talkative};
use fluxbase_tests::totp;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod walk;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, pgaudit: bool, body: fn(&Cluster, &Database)| {
        let name = format!("logs::{name}");
        let trial = trial(&fixture.cluster, name, move || {
            // What a login's parameters do in the log is a setting of the role, and roles are the cluster's: one each.
            let cluster = Arc::new(talkative(pgaudit, ""));
            let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
            body(&cluster, &own.database());
            drop(own);
            cluster.stop();
        });
        let wanted = !pgaudit || Addition::Pgaudit.is_wanted(&postgres_root());
        trials.push(trial.with_ignored_flag(!wanted));
    };
    add(
        "auto_explain_and_pg_stat_statements_get_no_secret_of_any_act",
        false,
        everything,
    );
    add("pgaudit_gets_no_secret_of_any_act", true, everything);
    add(
        "keys_made_by_the_database_are_in_no_log",
        false,
        keys_of_the_database,
    );
    add(
        "keys_made_by_the_database_are_not_in_the_log_of_pgaudit",
        true,
        keys_of_the_database,
    );
    add(
        "a_login_without_settings_of_its_own_leaves_no_secret_in_the_log",
        false,
        other_logins,
    );
    add(
        "a_login_without_settings_of_its_own_leaves_no_secret_in_that_of_pgaudit",
        true,
        other_logins,
    );
    add("passwords_typed_into_psql_are_in_no_log", false, literals);
    add(
        "passwords_typed_into_psql_are_not_in_the_log_of_pgaudit",
        true,
        literals,
    );
    trials
}

fn everything(cluster: &Cluster, database: &Database) {
    superuser(database, "create extension pg_stat_statements");
    let secrets = walk::through_every_act(database);
    assert!(secrets.len() > 60, "only {} secrets", secrets.len());
    let log = cluster.log_tail(usize::MAX);
    for shown in ["duration: ", "Query Text: ", "auth.sign_in("] {
        assert!(log.contains(shown), "{shown} is not in the log");
    }
    secrets.assert_absent("PostgreSQL's log", &log);
    secrets.assert_absent("pg_stat_statements", &statements(database));
    every_act_was_called(database);
}

fn statements(database: &Database) -> String {
    let rows = database
        .superuser()
        .query("select query from pg_stat_statements", &[])
        .expect("asked");
    let queries: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0).replace('\n', " "))
        .collect();
    queries.join("\n")
}

/// A new act that is not walked through is a failure.
fn every_act_was_called(database: &Database) {
    let seen = statements(database);
    let rows = database
        .superuser()
        .query(
            "select distinct p.proname::text from pg_proc p where p.pronamespace = 'auth'::regnamespace \
               and not has_function_privilege('public', p.oid, 'execute') \
               and (has_function_privilege('fluxbase_app', p.oid, 'execute') \
                 or has_function_privilege('fluxbase_mailer', p.oid, 'execute') \
                 or has_function_privilege('authenticated', p.oid, 'execute'))",
            &[],
        )
        .expect("asked");
    let missing: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0))
        .filter(|name| !seen.contains(&format!("auth.{name}(")))
        .collect();
    assert!(
        rows.len() > 50 && missing.is_empty(),
        "not called: {missing:?}"
    );
}

/// An administrator's session that keeps what it binds to itself, as that of `fluxbase migrate` does.
fn discreet(database: &Database) -> Client {
    let mut client = database.superuser();
    client
        .batch_execute(
            "select set_config(name, case when name like '%length%' then '0' else 'off' end, false) from pg_settings \
             where name in ('log_parameter_max_length', 'log_parameter_max_length_on_error', 'auto_explain.log_verbose', \
               'auto_explain.log_parameter_max_length', 'pgaudit.log_parameter')",
        )
        .expect("discretion");
    client
}

fn keys_of_the_database(cluster: &Cluster, database: &Database) {
    let mut secrets = Secrets::default();
    let mut admin = discreet(database);
    for (name, value) in [
        ("jwt_secret", "a-jwt-secret-that-nobody-may-read-1234567890"),
        ("setup_token", "a-setup-token-that-nobody-may-read"),
    ] {
        secrets.add(name, value);
        admin
            .execute("select auth.configure($1, $2)", &[&name, &value])
            .expect("configured");
    }
    superuser(
        database,
        "select auth.rotate_signing_key(), auth.make_sealing_key()",
    );
    for (name, sql) in [
        (
            "a signing key",
            "select encode(private_key, 'hex') from auth.signing_keys",
        ),
        (
            "a sealing key",
            "select encode(key, 'hex') from auth.sealing_keys",
        ),
    ] {
        let rows = admin.query(sql, &[]).expect("keys");
        assert_eq!(rows.len(), 2);
        for row in rows {
            let key: String = row.get(0);
            // A PKCS#8 begins with the algorithm and ends with the public key; the private one is in the middle.
            let from = if key.len() > 64 { 72 } else { 0 };
            secrets.add(name, &key[from..from + 40]);
        }
    }
    let log = cluster.log_tail(usize::MAX);
    assert!(log.contains("rotate_signing_key"));
    secrets.assert_absent("PostgreSQL's log", &log);
}

/// An application that calls the acts with a login of its own, which has none of the settings of the server's.
fn other_logins(cluster: &Cluster, database: &Database) {
    superuser(
        database,
        "create role member login; grant fluxbase_app to member",
    );
    let mut member = database.connect("member");
    let up = act(
        &mut member,
        "auth.sign_up($1, $2)",
        &[&"own@example.com", &PASSWORD],
    );
    act(
        &mut member,
        "auth.sign_in($1, $2)",
        &[&"own@example.com", &PASSWORD],
    );
    let setup = act_as(
        &mut member,
        &text(&up, "access_token"),
        "auth.totp_setup()",
        &[],
    );
    let mut secrets = Secrets::default();
    secrets.add("a second factor's secret", &text(&setup, "secret"));
    secrets.add("the password", PASSWORD);
    secrets.add("a token", &text(&up, "access_token"));
    // The twin: what this login binds elsewhere does stand there.
    member
        .query_one("select $1::text", &[&"bound-to-be-shown"])
        .expect("asked");
    let log = log_with(cluster, "bound-to-be-shown");
    secrets.assert_absent("PostgreSQL's log", &log);
    drop(member);
    superuser(database, "drop role member");
}

/// Somebody types passwords into psql.
fn literals(cluster: &Cluster, database: &Database) {
    const TYPED: &str = "Typed-Horse-7-Battery";
    let mut secrets = Secrets::default();
    secrets.add("what was typed", TYPED);
    secrets.add("what was typed first", "Typed-Horse");
    let mut owner = database.superuser();
    for statement in [
        "select auth.sign_up('typed@example.com', '%')",
        "select \"auth\" . Sign_In('typed@example.com', $x$%$x$)",
        "select auth.sign_in('typed@example.com', E'%'), 'it''s'",
        "do $$ begin perform auth.sign_in('typed@example.com', '%'); end $$",
        "do $$ begin perform auth.sign_in('typed@example.com', '%'); raise exception 'after it'; end $$",
        "set search_path = auth, public; select sign_in('typed@example.com', '%'); reset search_path",
        "prepare typed as select auth.sign_in('typed@example.com', $1); execute typed('%')",
        "explain (analyze, verbose) select auth.sign_in('typed@example.com', '%')",
        // What fails is written down whole.
        "select auth.sign_in('typed@example.com', '%', 'no json')",
        "select auth.sign_in('typed@example.com', '%', no_column)",
        "select auth.sign_in('typed@example.com', '%'), 1 / 0",
        "select auth.sign_in('typed@example.com', '%",
        "select auth.sign_in('typed@example.com', it's %')",
        "select auth.sign_in('typed@example.com', 'x', '%')",
        "select auth.verify_factor('%', '000000')",
        "select auth.configure('jwt_secret', '%-and-longer-than-thirty-two')",
        "select auth.enter('%')",
        "create table public.typed as select auth.sign_in('typed@example.com', '%')",
    ] {
        // Refused or not is not what this is about.
        let _ = owner.batch_execute(&statement.replace('%', TYPED));
    }
    // And binds them, on an error too.
    let _ = owner.query(
        "select auth.sign_in($1, $2), 1 / 0",
        &[&"typed@example.com", &TYPED],
    );
    // Other literals do stand there.
    owner
        .batch_execute("select 'to be shown' where auth.uid() is null")
        .expect("asked");
    let log = log_with(cluster, "'to be shown'");
    secrets.assert_absent("PostgreSQL's log", &log);
    // pg_stat_statements puts $1 for the constants of queries; a DO block or an EXPLAIN it keeps as typed, for those who
    // may read all statistics.
    superuser(database, "create extension pg_stat_statements");
    let kept = statements(database);
    let queries: Vec<&str> = kept
        .lines()
        .filter(|text| text.starts_with("select"))
        .collect();
    assert!(queries.len() > 5, "{kept}");
    secrets.assert_absent("pg_stat_statements", &queries.join("\n"));
    // And what was done, all the same.
    for shown in [
        "auth.sign_up('…', '…')",
        "auth.sign_in('…', '…'), 1 / 0",
        "division by zero",
        "after it",
    ] {
        assert!(log.contains(shown), "{shown} is not in the log");
    }
}

/// The log once this stands in it: what was reported before does then too.
#[track_caller]
fn log_with(cluster: &Cluster, last: &str) -> String {
    let began = Instant::now();
    loop {
        let log = cluster.log_tail(usize::MAX);
        if log.contains(last) {
            return log;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{last} is not in the log"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two statements of the walk need what only a reply tells.
fn codes_of(reply: &Value) -> Vec<String> {
    serde_json::from_value(reply["backup_codes"].clone()).unwrap_or_else(|_| panic!("{reply}"))
}

fn code(secret: &str) -> String {
    totp::code(secret)
}

fn nobody() -> Value {
    json!({"ip": "192.0.2.1", "user_agent": "walker"})
}
