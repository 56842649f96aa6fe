//! Sessions end by themselves: when nobody refreshes them, and in the end however often somebody does.

use super::{Tests, assert_ended, not_refreshed, over, refresh, sign_in};
use crate::acts::{act, act_as, configure, count, enters, superuser, text};
use crate::crashes::{backend, come_back, gone, kill};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Account, Database, Fixture};
use fluxbase_tests::forge::{now, payload_of};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const TESTS: Tests = &[
    ("no_token_outlives_its_session", no_longer),
    (
        "refreshing_does_not_prolong_a_session_beyond_its_end",
        absolute,
    ),
    ("a_session_nobody_refreshes_ends", idle),
];

/// What needs a cluster of its own: a crash is everybody's; and a backend forgets, rightly, when there were more changes of
/// any catalog than it had time to hear of, or when another test ends every session of its database.
const ALONE: Tests = &[
    ("a_crash_of_postgresql_brings_nothing_back", crashed),
    (
        "sweeping_sessions_that_are_over_makes_nobody_forget",
        sweeping,
    ),
];

fn no_longer(database: &Database) {
    configure(database, "session_lifetime", "5m");
    let mut app = database.app();
    let account = sign_in(&mut app, "ann@example.com");
    for token in [&account.token, &account.refresh] {
        let left = payload_of(token)["exp"].as_i64().expect("a number") - now();
        assert!((290..=300).contains(&left), "{left}");
    }
    // An end that is nearer than when it was opened.
    superuser(
        database,
        "update auth.sessions set ends_at = now() + interval '60 s', expires_at = now() + interval '50 s' where method = 'password'",
    );
    let reply = refresh(&mut app, &account);
    let left = reply["expires_in"].as_i64().expect("a number");
    assert!((50..=60).contains(&left), "{reply}");
    let next = Account::from_reply(&reply);
    for token in [&next.token, &next.refresh] {
        let left = payload_of(token)["exp"].as_i64().expect("a number") - now();
        assert!((50..=60).contains(&left), "{left}");
    }
    assert_eq!(
        count(
            database,
            "select count(*) from auth.sessions where expires_at > ends_at"
        ),
        0
    );
}

fn absolute(database: &Database) {
    let (mut app, mut knew) = (database.app(), database.app());
    superuser(
        database,
        "update auth.sessions set ends_at = now() + interval '3 s', expires_at = now() + interval '3 s'",
    );
    let mut account = database.fixture.ann.clone();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2000) {
        account = Account::from_reply(&refresh(&mut app, &account));
        assert_eq!(enters(&mut knew, &account.token), Ok(()));
        std::thread::sleep(Duration::from_millis(400));
    }
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(refresh(&mut app, &account), not_refreshed());
    assert!(enters(&mut knew, &account.token).is_err());
    // The token of before would have been good for hours.
    assert_eq!(enters(&mut knew, &database.fixture.ann.token), over());
}

fn idle(database: &Database) {
    let (mut app, mut knew) = (database.app(), database.app());
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    for account in [ann, bob] {
        assert_eq!(enters(&mut knew, &account.token), Ok(()));
    }
    superuser(
        database,
        "update auth.sessions set expires_at = now() + interval '1 s'",
    );
    let prolonged = Account::from_reply(&refresh(&mut app, bob));
    std::thread::sleep(Duration::from_millis(1500));
    assert_ended(database, &mut knew, ann);
    assert_eq!(enters(&mut knew, &prolonged.token), Ok(()));
    assert_eq!(enters(&mut knew, &bob.token), Ok(()));
    // The row is still there: it is the time that counts.
    assert_eq!(count(database, "select count(*) from auth.sessions"), 2);
}

/// Whoever has forgotten must read the table, and cannot while it is locked.
fn sweeping(database: &Database) {
    let (mut knew, mut app) = (database.app(), database.app());
    let ann = &database.fixture.ann;
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    let remembers = |knew: &mut _| {
        let mut locking = database.superuser();
        locking
            .batch_execute("begin; lock table auth.sessions in access exclusive mode")
            .expect("locked");
        enters(knew, &ann.token)
    };
    knew.batch_execute("set lock_timeout = '300ms'")
        .expect("set");
    superuser(
        database,
        "insert into auth.sessions (id, user_id, refresh_token_hash, method, expires_at, ends_at) \
         select gen_random_uuid(), u.id, sha256(n::text::bytea), 'password', now() - interval '2 days', now() \
         from auth.users u, generate_series(1, 9) n where u.email = 'bob@example.com'",
    );
    let over = "select count(*) from auth.sessions where expires_at < now()";
    assert_eq!(count(database, over), 9);
    assert_eq!(remembers(&mut knew), Ok(()));
    for left in [5, 1, 0] {
        sign_in(&mut app, "bob@example.com");
        assert_eq!(count(database, over), left);
        assert_eq!(remembers(&mut knew), Ok(()));
    }
    refresh(&mut app, &database.fixture.bob);
    assert_eq!(remembers(&mut knew), Ok(()));
    // Somebody else's that is not over: only what is known of that one is void.
    act_as(
        &mut app,
        &database.fixture.bob.token,
        "auth.sign_out()",
        &[],
    );
    assert_eq!(remembers(&mut knew), Ok(()));
    // The twin: its own.
    superuser(
        database,
        "update auth.users set role = 'editor' where email = 'ann@example.com'",
    );
    assert_eq!(remembers(&mut knew), Err("55P03".to_owned()));
}

pub fn alone(fixture: &Arc<Fixture>) -> impl Iterator<Item = Trial> {
    ALONE.iter().map(|(name, body)| {
        trial(&fixture.cluster, format!("revocation::{name}"), move || {
            let cluster = Arc::new(Cluster::start(""));
            let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
            body(&own.database());
            drop(own);
            cluster.stop();
        })
    })
}

fn crashed(database: &Database) {
    let fixture = &database.fixture;
    let mut app = database.app();
    let mut sign_up = |email: &str| fluxbase_tests::fixture::sign_up(&mut app, email);
    let names = ["a", "b", "c", "d"].map(|name| sign_up(&format!("{name}@example.com")));
    let [signed_out, disabled, deleted, demoted] = names;
    let stays = sign_up("stays@example.com");
    let mut owner = database.superuser();
    let made = act(
        &mut owner,
        "auth.create_service_key('{\"name\": \"k\"}')",
        &[],
    );
    let key = text(&made, "key");
    act_as(&mut app, &signed_out.token, "auth.sign_out()", &[]);
    owner
        .batch_execute(
            "update auth.users set disabled_at = now() where email = 'b@example.com'; \
             delete from auth.users where email = 'c@example.com'; \
             update auth.users set role = 'editor' where email = 'd@example.com'; \
             update auth.service_keys set revoked_at = now()",
        )
        .expect("revoked");
    let jti = text(&payload_of(&fixture.anon_key), "jti");
    owner
        .execute("select auth.revoke_token($1)", &[&jti])
        .expect("revoked");
    kill(backend(&mut owner));
    gone(&mut app);
    let mut app = come_back(database);
    for token in [
        &signed_out.token,
        &disabled.token,
        &deleted.token,
        &demoted.token,
        &key,
        &fixture.anon_key,
    ] {
        assert_eq!(enters(&mut app, token), over());
    }
    for account in [&signed_out, &disabled, &deleted] {
        assert_eq!(refresh(&mut app, account), not_refreshed());
    }
    assert_eq!(enters(&mut app, &stays.token), Ok(()));
    assert_eq!(enters(&mut app, &fixture.service_key), Ok(()));
    let next = refresh(&mut app, &demoted);
    assert_eq!(next["user"]["role"], "editor");
}
