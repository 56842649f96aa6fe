//! A change of what the token says: the access token stops, the refresh token gives one that says the truth.

use super::{Tests, administrator, over, refresh, sign_in};
use crate::acts::{act_as, configure, count, enters, superuser};
use crate::seal::sqlstate;
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::forge::payload_of;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub const TESTS: Tests = &[
    (
        "a_role_taken_away_stops_the_token_at_the_next_statement",
        role,
    ),
    ("app_metadata_taken_away_stops_the_token", app_metadata),
    ("an_address_changed_stops_the_token", address),
    (
        "the_same_by_an_administrator_stops_the_token",
        by_administrator,
    ),
    ("what_the_user_may_change_stops_nothing", harmless),
    ("a_change_rolled_back_stops_nothing", rolled_back),
    (
        "a_transaction_begun_before_the_change_enters_after_it_in_vain",
        old_snapshot,
    ),
    (
        "a_role_taken_away_while_the_password_is_hashed_is_not_in_the_token",
        while_hashing,
    ),
    (
        "a_role_taken_away_and_not_committed_yet_is_waited_for",
        while_committing,
    ),
    ("a_change_of_one_user_stops_no_token_of_another", another),
];

/// Makes the change and says what the next token claims.
fn stops(database: &Database, before: &Account, change: impl FnOnce()) -> Value {
    let (mut knew, mut also) = (database.app(), database.app());
    for client in [&mut knew, &mut also] {
        assert_eq!(enters(client, &before.token), Ok(()));
    }
    change();
    assert_eq!(enters(&mut knew, &before.token), over());
    assert_eq!(enters(&mut also, &before.token), over());
    assert_eq!(enters(&mut database.app(), &before.token), over());
    let next = Account::from_reply(&refresh(&mut knew, before));
    assert_eq!(enters(&mut also, &next.token), Ok(()));
    assert_eq!(enters(&mut also, &before.token), over());
    // The session is the same one.
    let (old, new) = (payload_of(&before.token), payload_of(&next.token));
    assert_eq!(old["session_id"], new["session_id"]);
    new
}

fn role(database: &Database) {
    let bob = administrator(database, "dashboard_admin");
    let mut app = database.app();
    let list = "auth.admin_list_users()";
    assert_eq!(act_as(&mut app, &bob.token, list, &[])["total"], 2);
    let claims = stops(database, &bob, || {
        superuser(
            database,
            "update auth.users set role = 'authenticated' where email = 'bob@example.com'",
        );
    });
    assert_eq!(claims["role"], "authenticated");
}

fn app_metadata(database: &Database) {
    let claims = stops(database, &database.fixture.ann, || {
        superuser(
            database,
            "update auth.users set app_metadata = '{\"plan\": \"none\"}' where email = 'ann@example.com'",
        );
    });
    assert_eq!(claims["app_metadata"], json!({"plan": "none"}));
}

fn address(database: &Database) {
    let claims = stops(database, &database.fixture.ann, || {
        superuser(
            database,
            "update auth.users set email = 'ann2@example.com' where email = 'ann@example.com'",
        );
    });
    assert_eq!(claims["email"], "ann2@example.com");
}

fn by_administrator(database: &Database) {
    let bob = administrator(database, "dashboard_admin");
    let mut ann = database.fixture.ann.clone();
    for change in [
        json!({"role": "editor"}),
        json!({"app_metadata": {"plan": "none"}}),
        json!({"email": "ann2@example.com"}),
    ] {
        let claims = stops(database, &ann, || {
            let reply = act_as(
                &mut database.app(),
                &bob.token,
                "auth.admin_update_user($1::text::uuid, $2)",
                &[&ann.id, &change],
            );
            assert_eq!(reply["id"], ann.id.as_str(), "{reply}");
        });
        for (name, value) in change.as_object().expect("an object") {
            assert_eq!(&claims[name], value);
        }
        let email = claims["email"].as_str().expect("an address");
        ann = sign_in(&mut database.app(), email);
    }
}

fn harmless(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    let changed = act_as(
        &mut database.app(),
        &ann.token,
        "auth.update_user('{\"user_metadata\": {\"nick\": \"a\"}}')",
        &[],
    );
    assert_eq!(changed["user_metadata"], json!({"nick": "a"}));
    superuser(
        database,
        "update auth.users set email_verified = true, last_sign_in_at = now(), role = role, email = email \
         where email = 'ann@example.com'",
    );
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
}

fn rolled_back(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    superuser(
        database,
        "begin; update auth.users set role = 'editor'; delete from auth.users; select auth.revoke_everything(true); rollback",
    );
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    superuser(
        database,
        "begin; savepoint s; update auth.users set role = 'editor'; rollback to s; commit",
    );
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
}

/// An old snapshot shows the session as it was; it is judged by what is committed now.
fn old_snapshot(database: &Database) {
    let ann = &database.fixture.ann;
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let (mut late, mut early) = (database.app(), database.app());
        for client in [&mut late, &mut early] {
            client
                .batch_execute(&format!("begin isolation level {isolation}; select 1"))
                .expect("begun");
        }
        early
            .execute("select auth.enter($1)", &[&ann.token])
            .expect("before the change");
        superuser(
            database,
            "update auth.users set role = 'editor' where email = 'ann@example.com'",
        );
        let outcome = late.execute("select auth.enter($1)", &[&ann.token]);
        assert_eq!(sqlstate(&outcome).as_deref(), Some("FX003"), "{isolation}");
        superuser(
            database,
            "update auth.users set role = 'authenticated' where email = 'ann@example.com'; update auth.sessions set epoch = 0",
        );
    }
}

/// The user is read, then a second passes.
fn while_hashing(database: &Database) {
    for (key, slow) in [
        ("password_hash_memory_kib", "524288"),
        ("password_hash_iterations", "3"),
    ] {
        configure(database, key, slow);
    }
    // The stored hash gets those parameters.
    let bob = administrator(database, "dashboard_admin");
    assert_eq!(payload_of(&bob.token)["role"], "dashboard_admin");
    let mut slow = database.app();
    let attempts = "select count(*) from auth.login_attempts where email = 'bob@example.com'";
    assert_eq!(count(database, attempts), 0);
    let reply: Value = std::thread::scope(|scope| {
        let signing_in = scope.spawn(move || {
            slow.query_one("select auth.sign_in('bob@example.com', $1)", &[&PASSWORD])
                .expect("a reply")
                .get(0)
        });
        let began = Instant::now();
        while count(database, attempts) == 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "never began");
        }
        superuser(
            database,
            "update auth.users set role = 'authenticated' where email = 'bob@example.com'",
        );
        assert!(!signing_in.is_finished(), "the hash was too fast");
        signing_in.join().expect("joined")
    });
    assert_eq!(reply["user"]["role"], "authenticated", "{reply}");
    let account = Account::from_reply(&reply);
    assert_eq!(payload_of(&account.token)["role"], "authenticated");
    assert_eq!(enters(&mut database.app(), &account.token), Ok(()));
}

/// Whoever signs in while the change is being made waits for it, however they sign in.
fn while_committing(database: &Database) {
    type Way = fn(&Database) -> String;
    let ways: [Way; 3] = [
        |_| format!("auth.sign_in('bob@example.com', '{PASSWORD}')"),
        |database| {
            let mut app = database.app();
            crate::acts::act(&mut app, "auth.request_magic_link('bob@example.com')", &[]);
            let token = crate::acts::mailed(database, "magic_link");
            format!("auth.sign_in_with_magic_link('{token}')")
        },
        |database| {
            let mut app = database.app();
            crate::acts::act(&mut app, "auth.request_email_code('bob@example.com')", &[]);
            let code = crate::acts::mailed(database, "email_otp");
            format!("auth.sign_in_with_email_code('bob@example.com', '{code}')")
        },
    ];
    superuser(database, "update auth.users set email_verified = true");
    for way in ways {
        administrator(database, "dashboard_admin");
        let call = way(database);
        let (mut changing, mut app) = (database.superuser(), database.app());
        changing
            .batch_execute("begin; update auth.users set role = 'authenticated' where email = 'bob@example.com'")
            .expect("changed");
        let reply: Value = std::thread::scope(|scope| {
            let signing_in = scope.spawn(|| crate::acts::act(&mut app, &call, &[]));
            std::thread::sleep(Duration::from_millis(300));
            changing.batch_execute("commit").expect("committed");
            signing_in.join().expect("joined")
        });
        let account = Account::from_reply(&reply);
        assert_eq!(
            payload_of(&account.token)["role"],
            "authenticated",
            "{call}"
        );
        assert_eq!(reply["user"]["role"], "authenticated", "{call}");
    }
}

fn another(database: &Database) {
    let mut app = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    superuser(
        database,
        "update auth.users set role = 'editor' where email = 'ann@example.com'",
    );
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    assert_eq!(enters(&mut app, &ann.token), over());
    superuser(
        database,
        "delete from auth.users where email = 'ann@example.com'",
    );
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
}
