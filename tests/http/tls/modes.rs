//! Who is talked to in which mode, and who is not.

use super::{SECRET, is_served, read, sessions, site, world};
use fluxbase_tests::authority::self_signed;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::server::Server;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

#[track_caller]
fn refused(database: &Database, url: &str, executor: &str, why: &str) {
    let settings = [("DATABASE_URL", url), ("DATABASE_EXECUTOR", executor)];
    let said = Server::refused_with(database, "fluxbase_app", &settings);
    assert!(said.contains(why), "{why} is not in: {said}");
}

/// Served, and encrypted or not.
#[track_caller]
fn served(database: Database, login: &str, url: &str, executor: &str, encrypted: bool) {
    let site = site(database, url, executor);
    is_served(&site);
    let (all, secret) = sessions(&site.database, login);
    assert!(all >= 2, "{all} sessions");
    assert_eq!(secret, if encrypted { all } else { 0 }, "{url}");
}

/// PostgreSQL as it is installed.
pub fn without(fixture: &Arc<Fixture>, executor: &str) {
    let known = world().known();
    let url = |database: &Database, parameters: &str| {
        format!(
            "{}?{parameters}",
            fixture.cluster.url("fluxbase_app", &database.name)
        )
    };
    for parameters in [
        "sslmode=require".to_owned(),
        format!("sslmode=verify-ca&sslrootcert={known}"),
        format!("sslmode=verify-full&sslrootcert={known}"),
    ] {
        let database = fixture.database();
        let mode = parameters.split(['=', '&']).nth(1).expect("a mode");
        let why = format!("PostgreSQL offers no TLS, and database.ssl_mode is {mode}");
        refused(&database, &url(&database, &parameters), executor, &why);
    }
    for parameters in ["sslmode=disable", "sslmode=prefer"] {
        let database = fixture.database();
        let url = url(&database, parameters);
        served(database, "fluxbase_app", &url, executor, false);
    }
    // Over a unix socket there is none, whatever was asked for; as in libpq.
    let database = fixture.database();
    let row = database
        .superuser()
        .query_one("show unix_socket_directories", &[])
        .expect("asked");
    let socket = row.get::<_, String>(0).replace('/', "%2F");
    let url = format!(
        "postgres://fluxbase_app@{socket}:{}/{}?sslmode=verify-full&sslrootcert={known}",
        fixture.cluster.port, database.name
    );
    served(database, "fluxbase_app", &url, executor, false);
}

/// PostgreSQL with a certificate for `localhost`, reached by that name and by its address.
pub fn with(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    let (known, stranger) = (
        world.known(),
        world.directory.join("stranger.crt").display().to_string(),
    );
    let to = |host: &str, parameters: &str| {
        let database = world.fixture.database();
        let url = world.url("ssl_only", host, &database, parameters);
        (database, url)
    };
    let verify = |mode: &str, root: &str| format!("sslmode={mode}&sslrootcert={root}");
    for (host, parameters, why) in [
        // pg_hba.conf has TLS alone for this login.
        ("localhost", "sslmode=disable".to_owned(), "pg_hba.conf"),
        ("localhost", verify("verify-ca", &stranger), "UnknownIssuer"),
        (
            "localhost",
            verify("verify-full", &stranger),
            "UnknownIssuer",
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=system".to_owned(),
            "UnknownIssuer",
        ),
        (
            "127.0.0.1",
            verify("verify-full", &known),
            "not valid for name",
        ),
    ] {
        let (database, url) = to(host, &parameters);
        refused(&database, &url, executor, why);
    }
    for (host, parameters) in [
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", verify("verify-ca", &known)),
        ("localhost", verify("verify-full", &known)),
    ] {
        let (database, url) = to(host, &parameters);
        served(database, "ssl_only", &url, executor, true);
    }
    let database = world.fixture.database();
    let url = world.url("fluxbase_app", "localhost", &database, "sslmode=disable");
    served(database, "fluxbase_app", &url, executor, false);
}

/// A certificate that is its own authority, as one command makes it, is known by itself.
pub fn own_authority(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    let own = self_signed(&["localhost"]);
    let file = world.write("own.crt", &own.certificate);
    let other = world.write("other.crt", &self_signed(&["localhost"]).certificate);
    world.show(&own);
    world.reload();
    for mode in ["verify-ca", "verify-full"] {
        let database = world.fixture.database();
        let parameters = format!("sslmode={mode}&sslrootcert={}", other.display());
        let url = world.url("scram", "localhost", &database, &parameters);
        refused(&database, &url, executor, "invalid peer certificate");
        let parameters = format!(
            "application_name=x&sslmode={mode}&sslrootcert={}&channel_binding=require",
            file.display()
        );
        let login = format!("scram:{SECRET}");
        let url = world.url(&login, "localhost", &database, &parameters);
        served(database, "scram", &url, executor, true);
    }
}

pub fn client(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    let name = |of: &str| format!("{of}-{executor}");
    let (cert, key) = world.files(&name("right"), &world.authority.issue("ssl_cert", &[]));
    let other = world.files(&name("other"), &world.authority.issue("somebody", &[]));
    let strange = world.files(&name("strange"), &world.stranger.issue("ssl_cert", &[]));
    let of = |files: &(std::path::PathBuf, std::path::PathBuf)| {
        let (cert, key) = (files.0.display(), files.1.display());
        format!("sslmode=require&sslcert={cert}&sslkey={key}")
    };
    let attempt = |parameters: &str, why: &str| {
        let database = world.fixture.database();
        let url = world.url("ssl_cert", "localhost", &database, parameters);
        refused(&database, &url, executor, why);
    };
    attempt("sslmode=require", "valid client certificate");
    attempt(&of(&other), "authentication failed");
    // PostgreSQL ends the handshake, and says in TLS what it thinks.
    attempt(&of(&strange), "UnknownCA");
    attempt(&of(&(cert.clone(), other.1)), "database.ssl_key");
    let open = world.write(&name("open.key"), &read(&key));
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).expect("opened");
    attempt(&of(&(cert.clone(), open)), "others may read or change it");

    let database = world.fixture.database();
    let url = world.url("ssl_cert", "localhost", &database, &of(&(cert, key)));
    served(database, "ssl_cert", &url, executor, true);
}

/// The certificate's signature says which hash a login is bound to: SHA-384, SHA-256. Both versions of TLS.
pub fn bound(_: &Arc<Fixture>, executor: &str) {
    let world = world();
    let login = format!("scram:{SECRET}");
    let attempt = |binding: &str| {
        let database = world.fixture.database();
        let parameters = format!("sslmode=require&channel_binding={binding}");
        let url = world.url(&login, "localhost", &database, &parameters);
        served(database, "scram", &url, executor, true);
    };
    for binding in ["require", "prefer", "disable"] {
        attempt(binding);
    }
    world.show(&world.second.issue("server", &["localhost"]));
    world.reload();
    attempt("require");
    // The older protocol signs its handshake in another way.
    let mut superuser = world.fixture.cluster.connect("postgres", "postgres");
    let mut last = |act: &str| {
        let statement = format!("alter system {act}");
        superuser.batch_execute(&statement).expect("altered");
        world.reload();
    };
    last("set ssl_max_protocol_version = 'TLSv1.2'");
    attempt("require");
    assert!(
        world
            .fixture
            .cluster
            .log_tail(200)
            .contains("protocol=TLSv1.2")
    );
    last("reset ssl_max_protocol_version");
    let database = world.fixture.database();
    let url = world.url(
        "scram:wrong",
        "localhost",
        &database,
        "sslmode=require&channel_binding=require",
    );
    refused(&database, &url, executor, "password authentication failed");
}

/// Whoever is let in without a proof, or with one that anybody could pass on, has not shown that the server is the one
/// that was meant.
pub fn unbound(fixture: &Arc<Fixture>, executor: &str) {
    let world = world();
    for login in ["ssl_only", "ssl_md5:a-secret-of-md5"] {
        let database = world.fixture.database();
        let url = |binding: &str| {
            let parameters = format!("sslmode=require&channel_binding={binding}");
            world.url(login, "localhost", &database, &parameters)
        };
        refused(&database, &url("require"), executor, "channel binding");
        let (url, name) = (url("prefer"), login.split(':').next().expect("a name"));
        served(database, name, &url, executor, true);
    }
    // And where there is no TLS, nothing can be bound.
    let database = fixture.database();
    let url = fixture.cluster.url("fluxbase_app", &database.name);
    let url = format!("{url}?sslmode=prefer&channel_binding=require");
    refused(&database, &url, executor, "channel binding");
}

/// What is neither a request nor its account: the mailer, and the administrator's commands.
pub fn others(fixture: &Arc<Fixture>, executor: &str) {
    let world = world();
    let known = world.known();
    let database = world.fixture.database();
    let verify = format!("sslmode=verify-full&sslrootcert={known}");
    let name = database.name.clone();
    let admin = world.url("postgres", "localhost", &database, &verify);
    Server::migrate_with(&database, &[("DATABASE_ADMIN_URL", &admin)]);
    let log = world.fixture.cluster.log_tail(60);
    let authorized =
        format!("user=postgres database={name} application_name=fluxbase admin SSL enabled");
    assert!(log.contains(&authorized), "{log}");

    let outbox = world.directory.join(format!("mail-{name}"));
    let (url, mailer) = (
        world.url("ssl_only", "localhost", &database, &verify),
        world.url("fluxbase_mailer", "localhost", &database, &verify),
    );
    let outbox = outbox.display().to_string();
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_EXECUTOR", executor),
        ("EMAIL_TRANSPORT", "file"),
        ("EMAIL_DIRECTORY", &outbox),
        ("EMAIL_DATABASE_URL", &mailer),
    ];
    let server = Server::start(&database, &settings);
    let began = std::time::Instant::now();
    while sessions(&database, "fluxbase_mailer") != (1, 1) {
        assert!(began.elapsed().as_secs() < 5, "no mailer");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(server);
    // The settings are for all URLs, and say no for all.
    let database = fixture.database();
    let mailer = fixture.cluster.url("fluxbase_mailer", &database.name);
    let settings = [
        ("DATABASE_SSL_MODE", "require"),
        ("EMAIL_DATABASE_URL", mailer.as_str()),
        ("DATABASE_EXECUTOR", executor),
    ];
    let said = Server::refused_with(&database, "fluxbase_app", &settings);
    assert!(said.contains("database.ssl_mode is require"), "{said}");
}
