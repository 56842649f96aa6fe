//! What the server refuses to start with.

use crate::site::Site;
use fluxbase_tests::cluster::free_port;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::server::Server;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("start::{name}"), move || {
            body(&fixture)
        }));
    };
    add("a_login_that_need_not_enter_is_refused", unbound_login);
    add("a_member_of_fluxbase_app_is_served", member);
    add(
        "each_worker_gives_way_to_postgresql_and_nothing_else_does",
        gives_way,
    );
    add(
        "no_request_waits_for_the_login_of_the_first_session",
        sessions,
    );
    add(
        "the_keys_of_make_run_refuse_to_serve_a_non_loopback_address",
        development,
    );
    add(
        "confirmed_addresses_without_a_way_to_mail_are_refused",
        unmailed,
    );
    add(
        "an_own_origin_the_database_does_not_know_is_refused",
        origin,
    );
    trials
}

/// Workers run under SCHED_BATCH (policy 3); the thread that began, which mails and listens, under none (0).
fn gives_way(fixture: &Arc<Fixture>) {
    let site = Site::on(fixture.database(), &[("SERVER_WORKERS", "2")]);
    let tasks = format!("/proc/{}/task", site.pid);
    let policy = |task: &str| -> Option<String> {
        let stat = std::fs::read_to_string(format!("{tasks}/{task}/stat")).ok()?;
        // Field 41 of proc_pid_stat(5); the first behind the name is the third.
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(41 - 3).map(str::to_owned)
    };
    let batch = || {
        let all = std::fs::read_dir(&tasks).expect("its threads").flatten();
        all.filter(|task| policy(&task.file_name().to_string_lossy()).as_deref() == Some("3"))
            .count()
    };
    let began = Instant::now();
    while batch() < 2 && began.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(batch(), 2);
    assert_eq!(policy(&site.pid.to_string()).as_deref(), Some("0"));
}

/// Each worker has one before it is asked anything, and another when that has ended; the session that listens is one more.
fn sessions(fixture: &Arc<Fixture>) {
    let settings = [("SERVER_WORKERS", "2"), ("DATABASE_EXECUTOR", "wire")];
    let site = Site::on(fixture.database(), &settings);
    let of_workers = "from pg_stat_activity where usename = 'fluxbase_app' and datname = current_database() and query = ''";
    let count = format!("select count(*) {of_workers}");
    assert_eq!(site.count(&count), 2);
    let newest = format!("select max(pid)::bigint {of_workers}");
    let before = site.count(&newest);
    let end = format!("select count(pg_terminate_backend(pid)) {of_workers}");
    assert_eq!(site.count(&end), 2);
    let began = Instant::now();
    while site.count(&count) != 2 || site.count(&newest) == before {
        assert!(began.elapsed() < Duration::from_secs(5), "none came");
        std::thread::sleep(Duration::from_millis(20));
    }
    // No more than one each: nobody waits.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(site.count(&count), 2);
    site.get("/api/v1/tables/things?select=id&id=eq.1")
        .send()
        .expect(200);
}

/// The operator pastes the administrator's URL: every request would be forwarded by somebody who may do
/// anything, and a hole in the server would be a hole in everything.
fn unbound_login(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    // A superuser stays one when it is a member.
    database
        .superuser()
        .batch_execute(
            "create role start_mighty login superuser; grant fluxbase_app to start_mighty",
        )
        .expect("a role");
    for login in ["postgres", "start_mighty", "trusty"] {
        let said = Server::refused(&database, login);
        assert!(
            said.contains(&format!(
                "database.url logs in as \"{login}\", which may act in the database without a token; \
                 use fluxbase_app"
            )),
            "{login}: {said}"
        );
    }
    database
        .superuser()
        .batch_execute("drop role start_mighty")
        .expect("dropped");
}

/// The allowed twin: a login of one's own, locked as `fluxbase_app` is.
fn member(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    database
        .superuser()
        .batch_execute("create role start_member login; grant fluxbase_app to start_member")
        .expect("a role");
    let server = Server::start_as(&database, "start_member", &[]);
    let rows = server
        .get("/api/v1/tables/notes?select=body")
        .bearer(&fixture.ann.token)
        .send()
        .expect(200);
    assert_eq!(
        rows,
        serde_json::json!([{"body": "ann private"}, {"body": "bob public"}])
    );
    drop(server);
    database
        .superuser()
        .batch_execute("drop role start_member")
        .expect("dropped");
}

fn configure(database: &Database, key: &str, value: &str) {
    database
        .superuser()
        .execute("select auth.configure($1, $2)", &[&key, &value])
        .expect("setting");
}

/// Whether a server on this database answers under these settings.
#[track_caller]
fn is_served(database: &Database, settings: &[(&str, &str)]) {
    let server = Server::start(database, settings);
    server.get("/health").send().expect(200);
}

/// 1. Somebody runs `make run`; its keys lie in files, for ten years. 2. The server is told another address, or another
///    server is pointed at the database. Then whoever read the files is service_role from anywhere.
fn development(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    configure(&database, "development", "true");
    for address in ["0.0.0.0", "[::]"] {
        let address = format!("{address}:{}", free_port());
        let said = Server::refused_with(&database, "fluxbase_app", &[("SERVER_ADDRESS", &address)]);
        assert!(
            said.contains("auth.development of the database cannot be served")
                && said.contains("make run"),
            "{said}"
        );
    }
    // The twins: on this machine, and from a database that is none of those.
    is_served(&database, &[]);
    configure(&database, "development", "false");
    let address = format!("0.0.0.0:{}", free_port());
    is_served(&database, &[("SERVER_ADDRESS", &address)]);
}

/// Whoever signed up there would wait for a mail for ever.
fn unmailed(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    configure(&database, "require_email_verification", "true");
    let said = Server::refused(&database, "fluxbase_app");
    assert!(
        said.contains("auth.require_email_verification of the database cannot be served")
            && said.contains("email.transport is none"),
        "{said}"
    );
    let mailer = fixture.cluster.url("fluxbase_mailer", &database.name);
    let outbox = fixture.cluster.directory.display().to_string();
    is_served(
        &database,
        &[
            ("EMAIL_TRANSPORT", "file"),
            ("EMAIL_DIRECTORY", &outbox),
            ("EMAIL_DATABASE_URL", &mailer),
        ],
    );
    configure(&database, "require_email_verification", "false");
    is_served(&database, &[]);
}

/// What the server says of itself must not be more than the database will let mails lead to.
fn origin(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let settings = [("SERVER_PUBLIC_BASE_URL", "https://app.example/base")];
    let said = Server::refused_with(&database, "fluxbase_app", &settings);
    assert!(
        said.contains(
            "differ from the auth section of the configuration: site_origin (from server.public_base_url); \
             run `fluxbase migrate`, since the server's login may not change them"
        ),
        "{said}"
    );
    // It may not: whoever had its password could have links lead anywhere.
    let act = "select auth.configure('site_origin', 'https://evil.example')";
    let refusal = database.app().batch_execute(act).expect_err("refused");
    assert_eq!(refusal.code().map(|code| code.code()), Some("42501"));
    // One that the operator wrote down is named as it stands there.
    let written = [("AUTH_SITE_ORIGIN", "https://app.example")];
    let said = Server::refused_with(&database, "fluxbase_app", &written);
    assert!(said.contains("configuration: site_origin; run"), "{said}");
    Server::migrate_with(&database, &settings);
    is_served(&database, &settings);
    is_served(&database, &written);
    is_served(&database, &[]);
    let asked = "select value from auth.settings where key = 'site_origin'";
    let row = database.superuser().query_one(asked, &[]).expect("asked");
    assert_eq!(row.get::<_, String>(0), "https://app.example/");
}
