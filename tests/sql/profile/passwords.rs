//! New passwords: where they are refused, and what they end.

use super::{NEW, Tests, an_hour_later, sign_in, update};
use crate::acts::{
    act, assert_refused, configure, count, enters, events, mailed, mails, state, superuser, text,
};
use crate::seal::sqlstate;
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    (
        "a_new_password_ends_the_other_sessions_and_the_old_password",
        changes,
    ),
    ("a_weak_password_is_refused_everywhere", policy),
    (
        "a_password_with_a_word_of_the_list_is_refused_everywhere",
        words,
    ),
    ("a_breached_password_is_refused_everywhere", breached),
    ("what_is_no_sha_1_is_no_entry_of_the_list", no_entry),
    ("a_password_that_is_too_old_must_be_changed_first", too_old),
    ("by_default_no_password_runs_out", lasting),
    (
        "without_the_classes_a_passphrase_of_one_class_is_taken",
        one_class,
    ),
    ("a_user_without_password_needs_a_fresh_session", no_password),
];

fn changes(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let other = Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    assert_eq!(enters(&mut app, &other.token), Ok(()));
    let reply = update(
        &mut app,
        ann,
        &json!({"password": NEW, "current_password": PASSWORD}),
    );
    assert_eq!(reply["id"], ann.id.as_str());
    assert!(!reply.to_string().contains(NEW));
    assert_eq!(enters(&mut app, &other.token), Err("FX003".to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&other.refresh]),
        "INVALID_TOKEN",
    );
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    assert_refused(
        &sign_in(&mut app, "ann@example.com", PASSWORD),
        "INVALID_CREDENTIALS",
    );
    Account::from_reply(&sign_in(&mut app, "ann@example.com", NEW));
    let told = mails(database);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["kind"], &told[0]["to"]),
        (&json!("notice_password_changed"), &json!("ann@example.com"))
    );
    assert_eq!(events(database, "auth.password_changed"), ["success"]);
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
}

const SETUP_TOKEN: &str = "a-setup-token-of-thirty-two-letters";

/// A link to set a password with.
fn link(database: &Database) -> String {
    configure(database, "setup_token", SETUP_TOKEN);
    let call = "auth.request_password_reset('ann@example.com')";
    act(&mut database.app(), call, &[]);
    mailed(database, "password_reset")
}

/// What each place where a password can be set answers to this one. The address of each is ann@example.com, or will be.
fn everywhere(database: &Database, reset: &str, password: &str) -> [Value; 7] {
    let (mut app, mut owner) = (database.app(), database.superuser());
    let ann = &database.fixture.ann;
    let given = json!({"password": password, "current_password": PASSWORD});
    [
        update(&mut app, ann, &given),
        act(
            &mut app,
            "auth.reset_password($1, $2)",
            &[&reset, &password],
        ),
        act(
            &mut app,
            "auth.sign_up('ann@example.com', $1)",
            &[&password],
        ),
        act(
            &mut app,
            "auth.setup_admin('ann@example.com', $1, null, $2)",
            &[&password, &SETUP_TOKEN],
        ),
        act(
            &mut owner,
            "auth.admin_create_user('ann@example.com', $1)",
            &[&given],
        ),
        act(
            &mut owner,
            "auth.admin_update_user($1::text::uuid, $2)",
            &[&ann.id, &given],
        ),
        act(
            &mut owner,
            "auth.create_admin('ann@example.com', $1)",
            &[&password],
        ),
    ]
}

fn words(database: &Database) {
    let reset = link(database);
    configure(database, "password_forbidden_words", "Acme, rocket-sled");
    let before = state(database);
    for weak in [
        "Acme-Meadow-7-Lantern",
        "Meadow-7-@CM3-Lantern",
        "R0cket$led-7-Lantern",
    ] {
        let refused = json!({"error": "Password is too weak: it contains a word that is easily guessed here", "code": "WEAK_PASSWORD"});
        for reply in everywhere(database, &reset, weak) {
            assert_eq!(reply, refused);
        }
    }
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    // Who has such a password keeps it until the next one.
    configure(database, "password_forbidden_words", "correct-horse");
    Account::from_reply(&sign_in(&mut database.app(), "ann@example.com", PASSWORD));
    configure(database, "password_forbidden_words", "");
    Account::from_reply(&act(
        &mut database.app(),
        "auth.reset_password($1, 'Acme-Meadow-7-Lantern')",
        &[&reset],
    ));
}

/// One that the policy would allow, and its SHA-1 in the list.
const BREACHED: &str = "Meadow-Lantern-7-Quilt";
const LISTED: &str =
    "insert into auth.breached_passwords values ('\\x1bfb76b287eeebf1b9803e871be7a00280ffb148')";

fn breached(database: &Database) {
    let reset = link(database);
    superuser(database, LISTED);
    let refused = json!({"error": "Password is too weak: it is on a list of breached passwords", "code": "WEAK_PASSWORD"});
    let refuses = || {
        let before = state(database);
        for reply in everywhere(database, &reset, BREACHED) {
            assert_eq!(reply, refused);
        }
        assert_eq!(state(database), before);
        assert!(mails(database).is_empty());
    };
    refuses();
    // While a longer list is loaded the index may be missing.
    superuser(
        database,
        "alter table auth.breached_passwords drop constraint breached_passwords_pkey",
    );
    refuses();
    superuser(
        database,
        "alter table auth.breached_passwords add primary key (sha1)",
    );
    refuses();
    // One letter more is another password; and a list taken back refuses nobody.
    let mut app = database.app();
    let other = format!("{BREACHED}s");
    Account::from_reply(&act(
        &mut app,
        "auth.sign_up('cyd@example.com', $1)",
        &[&other],
    ));
    superuser(database, "delete from auth.breached_passwords");
    Account::from_reply(&act(
        &mut app,
        "auth.reset_password($1, $2)",
        &[&reset, &BREACHED],
    ));
    // Who has it already signs in: the list is for new ones.
    superuser(database, LISTED);
    Account::from_reply(&sign_in(&mut app, "ann@example.com", BREACHED));
}

fn no_entry(database: &Database) {
    for entry in ["", "1bfb76", "1bfb76b287eeebf1b9803e871be7a00280ffb14800"] {
        let insert = format!("insert into auth.breached_passwords values ('\\x{entry}')");
        let outcome = database.superuser().batch_execute(&insert);
        assert_eq!(sqlstate(&outcome).as_deref(), Some("23514"), "{entry}");
    }
    superuser(database, LISTED);
    let outcome = database.superuser().batch_execute(LISTED);
    assert_eq!(sqlstate(&outcome).as_deref(), Some("23505"));
}

fn policy(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let reset = link(database);
    let before = state(database);
    let mut owner = database.superuser();
    for weak in [
        "Short-7-Aa",
        "correct-horse-7-battery",
        "CORRECT-HORSE-7-BATTERY",
        "Correct-Horse-Battery",
        "CorrectHorse7Battery",
        "Password1234!",
        "P@ssw0rd2024!",
        "Ann@example.com-7",
        &"Aa1-".repeat(40),
    ] {
        for reply in everywhere(database, &reset, weak) {
            assert_refused(&reply, "WEAK_PASSWORD");
            assert!(!reply.to_string().contains(weak), "{reply}");
        }
    }
    // A new address and a password made of it, at once.
    let both = json!({"email": "merrily@example.com", "password": "Merrily-Horse-7-B", "current_password": PASSWORD});
    assert_refused(&update(&mut app, ann, &both), "WEAK_PASSWORD");
    assert_refused(
        &act(
            &mut owner,
            "auth.admin_update_user($1::text::uuid, $2)",
            &[&ann.id, &both],
        ),
        "WEAK_PASSWORD",
    );
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    Account::from_reply(&act(
        &mut app,
        "auth.reset_password($1, $2)",
        &[&reset, &NEW],
    ));
}

/// Nobody is made to change a password that nobody knows.
fn lasting(database: &Database) {
    superuser(
        database,
        "update auth.users set password_changed_at = '2000-01-01'",
    );
    let mut app = database.app();
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    // The twin: where the operator wants it, this one has run out.
    configure(database, "password_max_age_days", "3650");
    assert_refused(
        &sign_in(&mut app, "ann@example.com", PASSWORD),
        "PASSWORD_EXPIRED",
    );
}

fn one_class(database: &Database) {
    let mut app = database.app();
    let sign_up = |app: &mut Client, password: &str| {
        let email = format!("user-{}@example.com", password.len());
        act(app, "auth.sign_up($1, $2)", &[&email, &password])
    };
    let passphrases = [
        "quietmeadowlanternquilt",
        "735820461938275610",
        "ТИХИЙЛУГФОНАРЬ",
    ];
    for passphrase in passphrases {
        assert_refused(&sign_up(&mut app, passphrase), "WEAK_PASSWORD");
    }
    for class in ["uppercase", "lowercase", "number", "special"] {
        configure(database, &format!("password_require_{class}"), "false");
    }
    for passphrase in passphrases {
        Account::from_reply(&sign_up(&mut app, passphrase));
    }
    // What is easily guessed is refused all the same.
    for weak in ["passwordpassword", "quietmeadow"] {
        assert_refused(&sign_up(&mut app, weak), "WEAK_PASSWORD");
    }
}

fn too_old(database: &Database) {
    let mut app = database.app();
    configure(database, "password_max_age_days", "30");
    let other = Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    superuser(
        database,
        "update auth.users set password_changed_at = now() - interval '31 days' where email = 'ann@example.com'",
    );
    let sessions = "select count(*) from auth.sessions";
    let before = count(database, sessions);
    assert_refused(
        &sign_in(&mut app, "ann@example.com", "Wrong-Horse-7-Battery"),
        "INVALID_CREDENTIALS",
    );
    let first = sign_in(&mut app, "ann@example.com", PASSWORD);
    let second = sign_in(&mut app, "ann@example.com", PASSWORD);
    for reply in [&first, &second] {
        assert_refused(reply, "PASSWORD_EXPIRED");
        assert_eq!(reply["password_expired"], true);
    }
    assert_eq!(count(database, sessions), before);
    assert!(mails(database).is_empty());
    assert_eq!(
        events(database, "auth.login"),
        [
            "success",
            "failure wrong_password",
            "failure password_expired",
            "failure password_expired"
        ]
    );
    // The token is no session, stands in no table, and signs in only with a new password.
    let token = text(&first, "reset_token");
    assert_ne!(enters(&mut app, &token), Ok(()));
    assert_eq!(
        count(
            database,
            &format!("select count(*) from auth.one_time_tokens t where t::text like '%{token}%'")
        ),
        0
    );
    let reset = |app: &mut Client, token: &str, password: &str| {
        act(app, "auth.reset_password($1, $2)", &[&token, &password])
    };
    assert_refused(&reset(&mut app, &token, "weak"), "WEAK_PASSWORD");
    Account::from_reply(&reset(&mut app, &token, NEW));
    assert_eq!(enters(&mut app, &other.token), Err("FX003".to_owned()));
    for token in [&token, &text(&second, "reset_token")] {
        assert_refused(&reset(&mut app, token, PASSWORD), "TOKEN_USED");
    }
    Account::from_reply(&sign_in(&mut app, "ann@example.com", NEW));
    Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
    configure(database, "password_max_age_days", "0");
    superuser(
        database,
        "update auth.users set password_changed_at = '2000-01-01'",
    );
    Account::from_reply(&sign_in(&mut app, "ann@example.com", NEW));
}

fn no_password(database: &Database) {
    let mut app = database.app();
    superuser(
        database,
        "update auth.users set password_hash = null where email = 'ann@example.com'",
    );
    let ann = &database.fixture.ann;
    assert_refused(
        &sign_in(&mut app, "ann@example.com", PASSWORD),
        "INVALID_CREDENTIALS",
    );
    an_hour_later(database);
    let before = state(database);
    for changes in [json!({"password": NEW}), json!({"email": "a2@example.com"})] {
        assert_refused(
            &update(&mut app, ann, &changes),
            "REAUTHENTICATION_REQUIRED",
        );
    }
    for wrong in ["", PASSWORD] {
        let changes = json!({"password": NEW, "current_password": wrong});
        assert_refused(&update(&mut app, ann, &changes), "INVALID_CREDENTIALS");
    }
    assert_eq!(state(database), before);
    act(&mut app, "auth.request_magic_link('ann@example.com')", &[]);
    let link = mailed(database, "magic_link");
    let fresh = Account::from_reply(&act(&mut app, "auth.sign_in_with_magic_link($1)", &[&link]));
    assert_eq!(
        update(&mut app, &fresh, &json!({"password": NEW}))["id"],
        ann.id.as_str()
    );
    Account::from_reply(&sign_in(&mut app, "ann@example.com", NEW));
}
