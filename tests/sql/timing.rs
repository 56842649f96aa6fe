//! What an answer's time tells: whether an address is known, confirmed, locked or disabled.
//!
//! No other test asserts a time, because other load on the machine changes all of them. These compare times with each
//! other and with chance (`fluxbase_tests::noise`), so load makes them less sharp and does not make them fail. The
//! hashes are as cheap as the settings allow: what is not the hash shows all the more.

use crate::acts::{Given, but, configure, mails, state, superuser};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Database, Fixture, PASSWORD};
use fluxbase_tests::noise::{Backend, Chance, told_apart};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::{Client, Statement};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

const WRONG: &str = "Wrong-Horse-7-Battery";
const ROUNDS: usize = 500;
/// As often as an address may be tried before it is locked.
const TRIES: usize = 5;
/// Addresses of a kind: as many as two measurements can take.
const ADDRESSES: usize = 2 * ROUNDS;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    // One at a time: each makes a thousand accounts, and what a backend remembers is forgotten with every setting.
    let own: Arc<Mutex<Option<Arc<Fixture>>>> = Arc::default();
    let mut add = |name: &str, body: fn(&Database)| {
        let own = Arc::clone(&own);
        let cluster = &fixture.cluster;
        trials.push(trial(cluster, format!("timing::{name}"), move || {
            let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
            let database = own
                .get_or_insert_with(|| Arc::new(without_hasher()))
                .database();
            people(&database);
            body(&database);
        }));
    };
    add(
        "a_refused_sign_in_takes_as_long_whatever_the_reason",
        refused,
    );
    add("a_costlier_hash_is_told_apart", costly);
    add(
        "asking_for_a_mail_takes_as_long_whether_or_not_one_is_sent",
        asking,
    );
    add(
        "a_wrong_code_takes_as_long_whether_or_not_one_was_sent",
        code,
    );
    add(
        "a_sign_up_takes_as_long_whether_or_not_the_address_is_taken",
        taken,
    );
    trials
}

/// A cluster in which no process hashes for others: what is measured is the time of a backend, and the hash is in it.
fn without_hasher() -> Fixture {
    Fixture::new(Arc::new(Cluster::start("max_worker_processes = 0\n")))
}

/// Accounts `known1@…`, `locked1@…`, `unconfirmed1@…`, `disabled1@…` and so on, all with one password.
fn people(database: &Database) {
    configure(database, "password_hash_memory_kib", "7168");
    configure(database, "password_hash_iterations", "1");
    configure(database, "require_email_verification", "true");
    configure(database, "max_login_attempts", &TRIES.to_string());
    superuser(
        database,
        &format!(
            "select auth.sign_up('first@example.com', '{PASSWORD}');
             insert into auth.users (email, password_hash, email_verified, disabled_at)
             select kind || n || '@example.com', f.password_hash, kind <> 'unconfirmed', case when kind = 'disabled' then now() end
             from auth.users f, unnest(array['known', 'locked', 'unconfirmed', 'disabled']) kind, generate_series(1, {ADDRESSES}) n
             where f.email = 'first@example.com';
             delete from auth.one_time_tokens;
             insert into auth.login_attempts (id, at, email)
             select gen_random_uuid(), now(), 'locked' || n || '@example.com'
             from generate_series(1, {ADDRESSES}) n, generate_series(1, {TRIES})"
        ),
    );
}

/// An address of this kind.
fn address(kind: &str, nth: usize) -> String {
    format!("{kind}{}@example.com", 1 + nth % ADDRESSES)
}

/// Somebody without a password tries addresses, somebody with the right one a locked or disabled account.
fn refused(database: &Database) {
    let generic = json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"});
    // A try that locks an address leaves a warning to its owner, whether or not there is one.
    let state = || but(state(database), "one_time_tokens");
    let before = state();
    let apart = sign_ins(
        database,
        ROUNDS,
        &[
            ("unknown address", "unknown", WRONG),
            ("known address", "known", WRONG),
            ("unconfirmed address", "unconfirmed", WRONG),
            ("locked address", "locked", WRONG),
            ("locked address, right password", "locked", PASSWORD),
            ("disabled account, right password", "disabled", PASSWORD),
        ],
        |email, reply| assert_eq!(reply, generic, "{email}"),
    );
    assert_eq!(apart, Vec::<String>::new());
    assert_eq!(state(), before);
}

/// The same measurement finds what is there: until its first sign-in a hash has the cost it was made with.
fn costly(database: &Database) {
    configure(database, "password_hash_iterations", "8");
    superuser(
        database,
        &format!(
            "select auth.sign_up('second@example.com', '{PASSWORD}');
             update auth.users u set password_hash = s.password_hash from auth.users s
             where u.email ~ '^known' and s.email = 'second@example.com'"
        ),
    );
    configure(database, "password_hash_iterations", "1");
    let apart = sign_ins(
        database,
        ROUNDS / 5,
        &[
            ("unknown address", "unknown", WRONG),
            ("known address", "known", WRONG),
        ],
        |_, reply| assert_eq!(reply["code"], "INVALID_CREDENTIALS"),
    );
    assert_eq!(apart.len(), 1, "{apart:?}");
    let found = &apart[0];
    assert!(found.starts_with("known address takes"), "{found}");
}

/// What time tells of sign-ins: groups have a name, a kind of address and a password.
fn sign_ins(
    database: &Database,
    rounds: usize,
    groups: &[(&str, &str, &str)],
    mut check: impl FnMut(&str, Value),
) -> Vec<String> {
    let mut act = Act::of(database, "auth.sign_in($1, $2)");
    let mut tries = vec![0; groups.len()];
    let names: Vec<&str> = groups.iter().map(|(name, ..)| *name).collect();
    told_apart(&names, rounds, &mut Chance::new(3), |group| {
        let (_, kind, password) = groups[group];
        let email = address(kind, tries[group] / TRIES);
        tries[group] += 1;
        let (took, reply) = act.call(&[&email, &password]);
        check(&email, reply);
        took
    })
}

/// An act on a session of the server's login, prepared as the server prepares it.
struct Act {
    app: Client,
    backend: Backend,
    statement: Statement,
}

impl Act {
    fn of(database: &Database, call: &str) -> Self {
        let mut app = database.app();
        Self {
            backend: Backend::of(&mut app),
            statement: app.prepare(&format!("select {call}")).expect("an act"),
            app,
        }
    }

    /// Microseconds it took, and its answer.
    fn call(&mut self, given: Given<'_>) -> (f64, Value) {
        let (app, statement) = (&mut self.app, &self.statement);
        let (took, row) = self.backend.during(|| app.query_one(statement, given));
        (took, row.expect("a reply").get(0))
    }
}

/// Somebody goes through addresses and asks for a mail to each; then once more, when those who have got one get none.
fn asking(database: &Database) {
    const KINDS: [&str; 4] = ["unknown", "known", "unconfirmed", "disabled"];
    for name in [
        "request_password_reset",
        "request_magic_link",
        "request_email_code",
        "request_email_confirmation",
    ] {
        let mut act = Act::of(database, &format!("auth.{name}($1)"));
        let mut answers = HashSet::new();
        for which in ["first", "again"] {
            let mut tries = KINDS.map(|_| 0);
            let apart = told_apart(&KINDS, ROUNDS, &mut Chance::new(3), |group| {
                let (took, reply) = act.call(&[&address(KINDS[group], tries[group])]);
                tries[group] += 1;
                answers.insert(reply.to_string());
                took
            });
            assert_eq!(apart, Vec::<String>::new(), "{name}, {which}");
            while !mails(database).is_empty() {}
        }
        assert_eq!(answers.len(), 1, "{name}: {answers:?}");
    }
}

/// Somebody has a code sent to an address and guesses it: only where there is an account there is a code.
fn code(database: &Database) {
    const KINDS: [&str; 2] = ["unknown", "known"];
    superuser(
        database,
        "insert into auth.one_time_tokens (kind, user_id, email, token_hash, expires_at, mail_attempts)
         select 'email_otp', id, email, sha256(id::text::bytea), now() + interval '1 h', 1
         from auth.users where email ~ '^known'",
    );
    let mut act = Act::of(database, "auth.sign_in_with_email_code($1, '000000')");
    let mut tries = KINDS.map(|_| 0);
    let apart = told_apart(&KINDS, ROUNDS, &mut Chance::new(3), |group| {
        // Three tries a code.
        let (took, reply) = act.call(&[&address(KINDS[group], tries[group] / 3)]);
        tries[group] += 1;
        assert_eq!(reply["code"], "INVALID_CREDENTIALS");
        took
    });
    assert_eq!(apart, Vec::<String>::new());
}

/// Somebody signs up with addresses of others, where addresses must be confirmed.
fn taken(database: &Database) {
    const KINDS: [&str; 2] = ["unknown", "known"];
    let mut act = Act::of(database, "auth.sign_up($1, $2)");
    let mut tries = KINDS.map(|_| 0);
    let apart = told_apart(&KINDS, ROUNDS, &mut Chance::new(3), |group| {
        let (took, reply) = act.call(&[&address(KINDS[group], tries[group]), &PASSWORD]);
        tries[group] += 1;
        assert_eq!(reply["requires_email_verification"], true, "{reply}");
        took
    });
    assert_eq!(apart, Vec::<String>::new());
}
