//! Somebody stands between the server and PostgreSQL.

use super::{NOTES, SECRET, is_served, sessions, site, world};
use crate::site::Site;
use fluxbase_tests::authority::Identity;
use fluxbase_tests::between::{Act, Between, CANCEL, SSL_REQUEST};
use fluxbase_tests::fixture::{Database, Fixture};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A site that goes by him, in this mode; so far he lets everything through.
fn through(parameters: &str, login: &str, executor: &str) -> (Site, Between) {
    let world = world();
    let between = Between::before(world.fixture.cluster.port, Act::Relay);
    let database = world.fixture.database();
    let url = address(&between, login, &database, parameters);
    (site(database, &url, executor), between)
}

fn address(between: &Between, login: &str, database: &Database, parameters: &str) -> String {
    let (port, name) = (between.port, &database.name);
    format!("postgres://{login}@localhost:{port}/{name}?{parameters}")
}

/// Ends every session, so that the next request has to open one.
fn cut(site: &Site) {
    let ended = "select pg_terminate_backend(pid) from pg_stat_activity \
                 where datname = current_database() and pid <> pg_backend_pid()";
    site.database
        .superuser()
        .batch_execute(ended)
        .expect("ended");
    std::thread::sleep(Duration::from_millis(150));
}

/// Nobody is served, nobody logs in, and what he was told in all that time holds none of these.
#[track_caller]
fn is_refused(site: &Site, between: &Between, secrets: &[&[u8]]) {
    let before = between.seen().len();
    for _ in 0..3 {
        let ann = &site.database.fixture.ann;
        site.get(NOTES)
            .bearer(&ann.token)
            .send()
            .refused(503, "service_unavailable");
    }
    assert!(between.seen().len() > before, "nobody came by");
    for login in ["ssl_only", "scram", "fluxbase_app"] {
        assert_eq!(sessions(&site.database, login).0, 0, "{login} is in");
    }
    for secret in secrets {
        assert!(
            !between.knows(secret),
            "{}",
            String::from_utf8_lossy(secret)
        );
    }
}

/// Served again, once he lets everything through.
fn is_served_again(site: &Site, between: &Between) {
    between.turn(Act::Relay);
    let began = Instant::now();
    while site.get("/health").send().status != 200
        || site
            .get(NOTES)
            .bearer(&site.database.fixture.ann.token)
            .send()
            .status
            != 200
    {
        assert!(began.elapsed() < Duration::from_secs(5), "no service");
        std::thread::sleep(Duration::from_millis(20));
    }
    is_served(site);
}

fn stranger() -> Identity {
    world().stranger.issue("server", &["localhost"])
}

/// 1. Somebody gets between the server and PostgreSQL, with a certificate for the right name by an authority of his own.
/// 2. He takes the server's sessions for PostgreSQL, and PostgreSQL's for the server, and reads every token.
pub fn another_certificate(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    for mode in ["verify-ca", "verify-full"] {
        let parameters = format!("sslmode={mode}&sslrootcert={}", world.known());
        let (site, between) = through(&parameters, "fluxbase_app", executor);
        is_served(&site);
        between.turn(Act::Pretend(stranger(), None));
        cut(&site);
        // Not even the name of the login.
        is_refused(&site, &between, &[b"fluxbase_app", b"client_encoding"]);
        is_served_again(&site, &between);
    }
    // What require is worth alone: he reads all of it.
    let (site, between) = through("sslmode=require", "fluxbase_app", executor);
    between.turn(Act::Pretend(stranger(), None));
    cut(&site);
    is_served_again_by(&site);
    assert!(between.knows(b"fluxbase_app"));
}

/// Served, by whoever it is.
fn is_served_again_by(site: &Site) {
    let began = Instant::now();
    while site
        .get(NOTES)
        .bearer(&site.database.fixture.ann.token)
        .send()
        .status
        != 200
    {
        assert!(began.elapsed() < Duration::from_secs(5), "no service");
        std::thread::sleep(Duration::from_millis(20));
    }
    is_served(site);
}

/// 1. No certificate is checked, but logins are bound to the one that is shown.
/// 2. He has one of his own, and passes the login on: to PostgreSQL in TLS, which offers the binding; or in plain text, where it
///    is not offered.
pub fn passed_on(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    let login = format!("scram:{SECRET}");
    let parameters = "sslmode=require&channel_binding=require";
    let (site, between) = through(parameters, &login, executor);
    is_served(&site);
    for upstream in [Some(world.authority.pem.clone()), None] {
        between.turn(Act::Pretend(stranger(), upstream));
        cut(&site);
        // The name of the login he learns, and a proof that is good for his own certificate; no token, no statement.
        is_refused(&site, &between, &[SECRET.as_bytes(), b"auth.enter"]);
        is_served_again(&site, &between);
    }
    drop(site);

    // Preferred alone it is a proof as well where PostgreSQL offers it; where he has it not offered, he is in.
    let (site, between) = through("sslmode=require", &login, executor);
    between.turn(Act::Pretend(stranger(), Some(world.authority.pem.clone())));
    cut(&site);
    is_refused(&site, &between, &[b"auth.enter"]);
    between.turn(Act::Pretend(stranger(), None));
    is_served_again_by(&site);
    assert!(between.knows(b"auth.enter"));
}

/// He says that there is no TLS, and everything goes by him in plain text.
pub fn denied(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    for parameters in [
        "sslmode=require".to_owned(),
        format!("sslmode=verify-full&sslrootcert={}", world.known()),
    ] {
        let (site, between) = through(&parameters, "fluxbase_app", executor);
        is_served(&site);
        between.turn(Act::Deny);
        cut(&site);
        is_refused(&site, &between, &[b"fluxbase_app", b"auth.enter"]);
        is_served_again(&site, &between);
    }
    let (site, between) = through("sslmode=prefer", "fluxbase_app", executor);
    between.turn(Act::Deny);
    cut(&site);
    is_served_again_by(&site);
    assert!(between.knows(b"auth.enter"));
    let (all, secret) = sessions(&site.database, "fluxbase_app");
    assert!(all > 0 && secret == 0, "{secret} of {all}");
}

/// 1. He answers the request for TLS himself, and writes messages behind the answer in plain text.
/// 2. Who reads them into the buffer that decrypted messages come from takes them for PostgreSQL's (CVE-2021-23222).
pub fn stuffed(_: &Arc<Fixture>, executor: &str) {
    for mode in ["prefer", "require"] {
        let parameters = format!("sslmode={mode}");
        let (site, between) = through(&parameters, "fluxbase_app", executor);
        is_served(&site);
        for answer in [b'S', b'N'] {
            // AuthenticationOk and ReadyForQuery.
            let mut said = vec![answer];
            said.extend_from_slice(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
            between.turn(Act::Say(said));
            cut(&site);
            is_refused(&site, &between, &[b"fluxbase_app", b"auth.enter"]);
            assert!(is_logged(&site, "bytes came before the TLS handshake"));
            is_served_again(&site, &between);
        }
    }
}

fn is_logged(site: &Site, what: &str) -> bool {
    site.log_tail(1000).contains(what)
}

/// He answers with an error of PostgreSQL's form, whose text an operator would read as PostgreSQL's.
pub fn error(_: &Arc<Fixture>, executor: &str) {
    for mode in ["prefer", "require"] {
        let parameters = format!("sslmode={mode}");
        let (site, between) = through(&parameters, "fluxbase_app", executor);
        is_served(&site);
        let text = b"SFATAL\0CXX000\0Mcall 555-0100 for a new licence\0\0";
        let mut said = vec![b'E'];
        let length = u32::try_from(text.len() + 4).expect("short");
        said.extend_from_slice(&length.to_be_bytes());
        said.extend_from_slice(text);
        between.turn(Act::Say(said));
        cut(&site);
        is_refused(&site, &between, &[b"fluxbase_app", b"auth.enter"]);
        assert!(is_logged(&site, "its text could be anybody's"));
        assert!(!is_logged(&site, "555-0100"));
        is_served_again(&site, &between);
    }
}

/// 1. TLS is used because PostgreSQL offers it, and a client leaves while its query runs.
/// 2. He says to the next connection, which brings the cancel, that there is no TLS: the key of the session, in plain text, would
///    let him cancel whatever runs in it.
pub fn cancel(_: &Arc<Fixture>, executor: &str) {
    let (site, between) = through("sslmode=prefer", "fluxbase_app", executor);
    is_served(&site);
    let running = || {
        site.count("select count(*) from pg_stat_activity where datname = current_database() and query like '%sleepy%' and state = 'active' and usename = 'fluxbase_app'")
    };
    let until = |what: &str, count: i64| {
        let began = Instant::now();
        while running() != count {
            assert!(began.elapsed() < Duration::from_secs(3), "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let start = || {
        let stream = site.get("/api/v1/tables/sleepy").start().expect("sent");
        until("the query runs", 1);
        (stream, between.seen().len())
    };
    let (stream, before) = start();
    drop(stream);
    until("the query is cancelled", 0);
    assert!(between.seen().len() > before, "no cancel came by");

    let (stream, before) = start();
    between.turn(Act::Deny);
    drop(stream);
    let began = Instant::now();
    while between.seen().len() == before {
        assert!(began.elapsed() < Duration::from_secs(3), "no cancel");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    for told in between.seen() {
        assert!(told.starts_with(&SSL_REQUEST), "{told:?}");
    }
    assert!(!between.knows(&CANCEL));
    // What could not be cancelled is not waited for.
    is_served_again(&site, &between);
}
