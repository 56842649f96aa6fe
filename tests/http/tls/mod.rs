//! TLS between the server and PostgreSQL, in every mode, against a PostgreSQL that has it and one that has not.

mod attacks;
mod modes;
mod traffic;

use crate::site::Site;
use fluxbase_tests::authority::{Authority, Identity};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

const EXECUTORS: [&str; 2] = ["deadpool", "wire"];

const NOTES: &str = "/api/v1/tables/notes?select=body&order=id";

/// The password of the login `scram`.
const SECRET: &str = "a-secret-of-scram";

/// Who may come how. `ssl_only` needs TLS, `ssl_cert` a certificate of its name, `scram` a password.
const HBA: &str = "
local all all trust
hostssl all ssl_only 127.0.0.1/32 trust
hostssl all ssl_cert 127.0.0.1/32 cert
hostssl all ssl_md5 127.0.0.1/32 md5
host all scram 127.0.0.1/32 scram-sha-256
hostnossl all ssl_only,ssl_cert,ssl_md5 127.0.0.1/32 reject
host all all 127.0.0.1/32 trust
";

const ROLES: &str = "
    create role ssl_only login; create role ssl_cert login;
    create role scram login password 'a-secret-of-scram';
    set password_encryption = 'md5';
    create role ssl_md5 login password 'a-secret-of-md5';
    grant fluxbase_app to ssl_only, ssl_cert, ssl_md5, scram;
";

/// A PostgreSQL with a certificate for `localhost`, and who has to do with it. One for all tests.
struct World {
    fixture: Arc<Fixture>,
    /// Files of clients.
    directory: PathBuf,
    /// Signs with SHA-384; the server's certificate is one of its.
    authority: Authority,
    /// Signs with SHA-256, and is trusted as well.
    second: Authority,
    /// Signs for whoever asks.
    stranger: Authority,
    /// Held alone by whoever has PostgreSQL show another certificate.
    shown: RwLock<()>,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

impl World {
    fn new() -> Self {
        let cluster = Arc::new(Cluster::start(
            "log_connections = on\nlog_line_prefix = '%m [%p] %u@%d '",
        ));
        let fixture = Arc::new(Fixture::new(Arc::clone(&cluster)));
        let directory = cluster.directory.join("clients");
        fs::create_dir_all(&directory).expect("a directory");
        let world = Self {
            fixture,
            directory,
            authority: Authority::new("known", &PKCS_ECDSA_P384_SHA384),
            second: Authority::new("known too", &PKCS_ECDSA_P256_SHA256),
            stranger: Authority::new("stranger", &PKCS_ECDSA_P256_SHA256),
            shown: RwLock::new(()),
        };
        let both = format!("{}{}", world.authority.pem, world.second.pem);
        world.write("known.crt", &both);
        world.write("stranger.crt", &world.stranger.pem);
        world.show(&world.authority.issue("server", &["localhost"]));
        let mut superuser = cluster.connect("postgres", "postgres");
        superuser.batch_execute(ROLES).expect("roles");
        let hba: String = superuser
            .query_one("show hba_file", &[])
            .expect("asked")
            .get(0);
        fs::write(hba, HBA).expect("written");
        let inside = |name: &str| cluster.directory.join(name).display().to_string();
        for (name, value) in [
            ("ssl_cert_file", inside("server.crt")),
            ("ssl_key_file", inside("server.key")),
            ("ssl_ca_file", inside("root.crt")),
            ("ssl", "on".to_owned()),
        ] {
            superuser
                .batch_execute(&format!("alter system set {name} = '{value}'"))
                .expect("set");
        }
        world.reload();
        world
    }

    /// A file that only its owner reads.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed");
        path
    }

    /// A certificate and its key as files.
    fn files(&self, name: &str, identity: &Identity) -> (PathBuf, PathBuf) {
        (
            self.write(&format!("{name}.crt"), &identity.certificate),
            self.write(&format!("{name}.key"), &identity.key),
        )
    }

    /// Gives PostgreSQL a certificate, to be shown after the next [`World::reload`].
    fn show(&self, identity: &Identity) {
        let directory = &self.fixture.cluster.directory;
        let owner = directory.metadata().expect("there").uid();
        for (name, text) in [
            ("server.crt", &identity.certificate),
            ("server.key", &identity.key),
            ("root.crt", &self.authority.pem),
        ] {
            let path = directory.join(name);
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("closed");
            chown(&path, Some(owner), None).expect("given to PostgreSQL");
        }
    }

    fn reload(&self) {
        let mut superuser = self.fixture.cluster.connect("postgres", "postgres");
        superuser
            .batch_execute("select pg_reload_conf()")
            .expect("reloaded");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }

    /// The file of those who are trusted.
    fn known(&self) -> String {
        self.directory.join("known.crt").display().to_string()
    }

    /// A URL of this login, with parameters.
    fn url(&self, login: &str, host: &str, database: &Database, parameters: &str) -> String {
        let port = self.fixture.cluster.port;
        let name = &database.name;
        format!("postgres://{login}@{host}:{port}/{name}?{parameters}")
    }
}

/// PostgreSQL shows its own certificate again when this goes.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        world().show(&world().authority.issue("server", &["localhost"]));
        world().reload();
    }
}

/// How many sessions of this login there are in the site's database, and how many of them are encrypted.
fn sessions(database: &Database, login: &str) -> (i64, i64) {
    let row = database
        .superuser()
        .query_one(
            "select count(*), count(*) filter (where s.ssl) from pg_stat_activity a \
             join pg_stat_ssl s using (pid) where a.datname = current_database() and a.usename = $1",
            &[&login],
        )
        .expect("asked");
    (row.get(0), row.get(1))
}

/// A site whose server logs in by this URL.
fn site(database: Database, url: &str, executor: &str) -> Site {
    let settings = [("DATABASE_URL", url), ("DATABASE_EXECUTOR", executor)];
    Site::on(database, &settings)
}

/// Asks for a table, and signs in: so whatever opens sessions has opened one.
fn is_served(site: &Site) {
    let ann = &site.database.fixture.ann;
    let rows = site.get(NOTES).bearer(&ann.token).send().expect(200);
    assert_eq!(rows[0]["body"], "ann private");
    let body = serde_json::json!({"email": "ann@example.com", "password": fluxbase_tests::fixture::PASSWORD});
    site.post("/api/v1/auth/signin", &body).send().expect(200);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut make = |name: &str, alone: bool, body: fn(&Arc<Fixture>, &str)| {
        for executor in EXECUTORS {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            let name = format!("tls::{name}_by_{executor}");
            trials.push(trial(&cluster, name, move || {
                let shown = &world().shown;
                if alone {
                    let _turn = shown.write().unwrap_or_else(PoisonError::into_inner);
                    let _after = Restored;
                    body(&fixture, executor);
                } else {
                    let _turn = shown.read().unwrap_or_else(PoisonError::into_inner);
                    body(&fixture, executor);
                }
            }));
        }
    };
    make(
        "a_certificate_that_is_its_own_authority_is_known_by_itself",
        true,
        modes::own_authority,
    );
    make(
        "a_login_is_bound_to_certificates_of_every_strength",
        true,
        modes::bound,
    );
    let mut add = |name: &str, body| make(name, false, body);
    add(
        "a_server_without_tls_is_refused_where_it_must_have_it",
        modes::without,
    );
    add("each_mode_trusts_whom_it_should", modes::with);
    add("a_certificate_logs_in_and_another_does_not", modes::client);
    add(
        "a_login_that_cannot_be_bound_is_refused_where_it_must_be",
        modes::unbound,
    );
    add("mail_and_migrate_are_encrypted_too", modes::others);
    add(
        "a_server_with_another_certificate_is_not_logged_into",
        attacks::another_certificate,
    );
    add(
        "who_stands_in_between_cannot_pass_a_bound_login_on",
        attacks::passed_on,
    );
    add("a_server_that_denies_tls_gets_nothing", attacks::denied);
    add("bytes_before_the_handshake_are_refused", attacks::stuffed);
    add("an_error_in_place_of_tls_is_not_repeated", attacks::error);
    add(
        "a_cancel_is_encrypted_and_not_told_to_who_denies_tls",
        attacks::cancel,
    );
    add("a_large_answer_is_whole", traffic::large);
    add("many_large_questions_and_answers_cross", traffic::crossing);
    add("a_session_that_ends_leaves_no_complaint", traffic::end);
    trials
}
