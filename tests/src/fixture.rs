//! The database every test starts from: the extension, two users, a table with a policy and one that only
//! `service_role` may read. Copying it takes 50 ms, so each test has its own and may ruin it.

use crate::cluster::Cluster;
use postgres::Client;
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// What everybody signs up with.
pub const PASSWORD: &str = "Correct-Horse-7-Battery";

/// Logins that stand for kinds of people: `plain` for any other application of the cluster, `trusty` for a
/// member of `fluxbase_trusted`.
const ROLES: &str = "
    create role plain login;
    create role trusty login;
";

const SCHEMA: &str = "
    create table public.notes (
        id bigint generated always as identity primary key,
        owner uuid not null default auth.uid(),
        body text not null,
        is_public boolean not null default false
    );
    create index notes_owner on public.notes (owner);
    alter table public.notes enable row level security, force row level security;
    create policy own on public.notes using (owner = auth.uid()) with check (owner = auth.uid());
    create policy public_ones on public.notes for select using (is_public);
    grant select, insert, update, delete on public.notes to authenticated;
    grant select on public.notes to anon;
    grant all on public.notes to service_role;
    create table public.vault (secret text not null);
    insert into public.vault values ('treasure');
    grant select, insert on public.vault to service_role;
";

/// Somebody who signed up.
#[derive(Clone, Debug)]
pub struct Account {
    /// The `sub` of the tokens.
    pub id: String,
    /// As signed up.
    pub email: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh: String,
}

impl Account {
    /// Reads the token reply of sign-up and sign-in.
    pub fn from_reply(reply: &Value) -> Self {
        let text = |pointer: &str| {
            reply
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_else(|| panic!("no {pointer} in {reply}"))
                .to_owned()
        };
        Self {
            id: text("/user/id"),
            email: text("/user/email"),
            token: text("/access_token"),
            refresh: text("/refresh_token"),
        }
    }
}

/// The template and who is in it.
pub struct Fixture {
    /// Where it is.
    pub cluster: Arc<Cluster>,
    /// A user with one private note.
    pub ann: Account,
    /// Another, with one private and one public note.
    pub bob: Account,
    /// An API key for `service_role`.
    pub service_key: String,
    /// An API key for `anon`.
    pub anon_key: String,
    admin: Mutex<Client>,
    next: AtomicU32,
    made: Instant,
}

/// A sign-in is taken for fresh for ten minutes; a slow run takes longer.
const STALE: Duration = Duration::from_secs(300);
const TEMPLATE: &str = "template_with_fluxbase";

/// Signs up on an open session of the server's login.
pub fn sign_up(client: &mut Client, email: &str) -> Account {
    let row = client
        .query_one("select auth.sign_up($1, $2)", &[&email, &PASSWORD])
        .expect("sign-up");
    Account::from_reply(&row.get::<_, Value>(0))
}

impl Fixture {
    /// Makes the template in this cluster.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let mut admin = cluster.connect("postgres", "postgres");
        admin
            .batch_execute(&format!("create database {TEMPLATE}"))
            .expect("template");
        let mut owner = cluster.connect("postgres", TEMPLATE);
        owner
            .batch_execute("create extension fluxbase")
            .expect("create extension");
        owner.batch_execute(ROLES).expect("roles");
        owner
            .batch_execute("grant fluxbase_trusted, authenticated, anon, service_role to trusty")
            .expect("memberships");
        owner.batch_execute(SCHEMA).expect("schema");
        // A run under a debugger must not outlive its tokens.
        owner
            .batch_execute("select auth.configure('access_token_expiry', '6h')")
            .expect("setting");
        // All tests come from one address, and many sign in wrongly; and they run side by side, so more hash at once than
        // there are cores.
        owner
            .batch_execute("select auth.configure('max_login_attempts_per_ip', '100000'), auth.configure('max_concurrent_hashes', '64')")
            .expect("setting");
        // The cheapest that is allowed: what a hash costs is the subject of few tests, and those say so.
        owner
            .batch_execute("select auth.configure('password_hash_memory_kib', '7168'), auth.configure('password_hash_iterations', '1')")
            .expect("setting");
        let mut app = cluster.connect("fluxbase_app", TEMPLATE);
        let ann = sign_up(&mut app, "ann@example.com");
        let bob = sign_up(&mut app, "bob@example.com");
        drop(app);
        owner
            .execute(
                "insert into public.notes (owner, body, is_public) values \
                 ($1::text::uuid, 'ann private', false), ($2::text::uuid, 'bob private', false), \
                 ($2::text::uuid, 'bob public', true)",
                &[&ann.id, &bob.id],
            )
            .expect("notes");
        let mut key = |role: &str| -> String {
            owner
                .query_one("select auth.mint_key($1)", &[&role])
                .expect("key")
                .get(0)
        };
        let (service_key, anon_key) = (key("service_role"), key("anon"));
        owner.close().expect("the template is left alone");
        Self {
            cluster,
            ann,
            bob,
            service_key,
            anon_key,
            admin: Mutex::new(admin),
            next: AtomicU32::new(0),
            made: Instant::now(),
        }
    }

    /// A copy of the template. The tokens are good in it: keys and sessions are rows.
    pub fn database(self: &Arc<Self>) -> Database {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.admin(&format!("create database {name} template {TEMPLATE}"));
        let database = Database {
            fixture: Arc::clone(self),
            name,
        };
        if self.made.elapsed() > STALE {
            // As if both had signed up just now.
            database
                .superuser()
                .batch_execute("update auth.sessions set authenticated_at = now()")
                .expect("fresh sessions");
        }
        database
    }

    /// An empty database without the extension.
    pub fn empty_database(self: &Arc<Self>) -> Database {
        let name = format!("empty_{}", self.next.fetch_add(1, Ordering::Relaxed));
        self.admin(&format!("create database {name} template template0"));
        Database {
            fixture: Arc::clone(self),
            name,
        }
    }

    fn admin(&self, statement: &str) {
        let mut admin = self
            .admin
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if admin.is_closed() {
            *admin = self.cluster.connect("postgres", "postgres");
        }
        // The sessions that filled the template are closing; until they have, it cannot be copied.
        for _ in 0..100 {
            match admin.batch_execute(statement) {
                Err(error) if error.code().is_some_and(|code| code.code() == "55006") => {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                outcome => return outcome.unwrap_or_else(|error| panic!("{statement}: {error:?}")),
            }
        }
        panic!("{statement}: the template is in use");
    }

    /// Puts ids and tokens where the text names them.
    pub fn fill(&self, text: &str) -> String {
        text.replace("{ANN}", &self.ann.token)
            .replace("{BOB}", &self.bob.token)
            .replace("{SERVICE}", &self.service_key)
            .replace("{ANN_ID}", &self.ann.id)
            .replace("{BOB_ID}", &self.bob.id)
    }
}

/// One database for many tests that leave nothing behind: making one each would take longer than they do.
pub struct Shared {
    fixture: Arc<Fixture>,
    database: OnceLock<Database>,
}

impl Shared {
    /// Made when first asked for.
    pub fn new(fixture: &Arc<Fixture>) -> Arc<Self> {
        Arc::new(Self {
            fixture: Arc::clone(fixture),
            database: OnceLock::new(),
        })
    }

    /// The database.
    pub fn database(&self) -> &Database {
        self.database.get_or_init(|| self.fixture.database())
    }
}

/// One test's database, dropped with it.
pub struct Database {
    /// What it was made from.
    pub fixture: Arc<Fixture>,
    /// Its name.
    pub name: String,
}

impl Database {
    /// A session of this login.
    pub fn connect(&self, user: &str) -> Client {
        self.fixture.cluster.connect(user, &self.name)
    }

    /// As the superuser.
    pub fn superuser(&self) -> Client {
        self.connect("postgres")
    }

    /// As the server logs in.
    pub fn app(&self) -> Client {
        self.connect("fluxbase_app")
    }

    /// A digest of every row of every table of accounts, but for attempts and the audit: an act that was refused has
    /// changed none, opened no session and sent no mail.
    pub fn state(&self) -> Vec<(String, String)> {
        let mut superuser = self.superuser();
        [
            "users",
            "sessions",
            "one_time_tokens",
            "totp_factors",
            "backup_codes",
            "challenges",
            "nonces",
            "service_keys",
            "client_keys",
            "impersonation_sessions",
            "revoked_before",
            "revoked_tokens",
        ]
        .into_iter()
        .map(|table| {
            let digest = format!(
                "select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from auth.{table} t"
            );
            let row = superuser.query_one(&digest, &[]).expect("a digest");
            (table.to_owned(), row.get(0))
        })
        .collect()
    }

    /// Outcome and reason of each event of this name, oldest first.
    pub fn events(&self, event: &str) -> Vec<String> {
        let rows = self.superuser().query(
            "select outcome || coalesce(' ' || reason, '') from audit.events where event = $1 order by at",
            &[&event],
        );
        let rows = rows.expect("asked");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Best effort: the cluster is thrown away anyway, and a test may have stopped it.
        let mut admin = self
            .fixture
            .admin
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = admin.batch_execute(&format!(
            "drop database if exists {} with (force)",
            self.name
        ));
    }
}
