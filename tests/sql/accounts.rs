//! Sign-up and sign-in from SQL alone: coded refusals as values, one answer for everything that is wrong.

use crate::seal::{sqlstate, value};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::forge;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

/// Sign-ups that are refused, with the code.
const REFUSED: [(&str, &str, &str, &str); 12] = [
    ("short_password", "m@example.com", "Aa1!", "WEAK_PASSWORD"),
    (
        "password_without_uppercase",
        "m@example.com",
        "correct-horse-7-battery",
        "WEAK_PASSWORD",
    ),
    (
        "password_without_lowercase",
        "m@example.com",
        "CORRECT-HORSE-7-BATTERY",
        "WEAK_PASSWORD",
    ),
    (
        "password_without_digit",
        "m@example.com",
        "Correct-Horse-Battery",
        "WEAK_PASSWORD",
    ),
    (
        "password_without_special",
        "m@example.com",
        "CorrectHorse7Battery",
        "WEAK_PASSWORD",
    ),
    ("empty_password", "m@example.com", "", "WEAK_PASSWORD"),
    ("no_address", "", PASSWORD, "VALIDATION_FAILED"),
    (
        "address_without_at",
        "example.com",
        PASSWORD,
        "VALIDATION_FAILED",
    ),
    (
        "address_with_a_newline",
        "m@example.com\nBcc: x@example.com",
        PASSWORD,
        "VALIDATION_FAILED",
    ),
    (
        "address_with_a_space",
        "m m@example.com",
        PASSWORD,
        "VALIDATION_FAILED",
    ),
    (
        "taken_address",
        "ann@example.com",
        PASSWORD,
        "VALIDATION_FAILED",
    ),
    (
        "taken_address_in_other_letters",
        " ANN@Example.COM ",
        PASSWORD,
        "VALIDATION_FAILED",
    ),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, email, password, code) in REFUSED {
        let shared = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("accounts_sign_up::{name}_is_refused_as_a_value"),
            move || {
                let database = shared.database();
                let mut app = database.app();
                let reply = sign_up(&mut app, email, password, &json!({}));
                assert_eq!(reply["code"], code, "{reply}");
                assert!(
                    password.is_empty() || !reply.to_string().contains(password),
                    "the password comes back"
                );
                assert!(reply.get("access_token").is_none());
                let users = value(&mut database.superuser(), "select count(*) from auth.users")
                    .expect("asked");
                assert_eq!(users.as_deref(), Some("2"));
                Account::from_reply(&sign_up(&mut app, "m@example.com", PASSWORD, &json!({})));
            },
        ));
    }
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("accounts::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add(
        "unknown_address_and_wrong_password_get_one_answer",
        one_answer,
    );
    add("a_signed_up_user_signs_in_and_enters", signs_in);
    add(
        "role_and_app_metadata_cannot_be_chosen_at_sign_up",
        no_choice,
    );
    add("metadata_that_is_no_object_is_refused", metadata);
    add("sign_up_can_be_switched_off", switched_off);
    add("other_logins_have_no_door", no_door);
    add("sign_in_inside_a_sealed_transaction_is_refused", sealed);
    add(
        "the_stored_hash_is_argon2id_of_the_configured_cost",
        stored_hash,
    );
    add("an_injection_in_the_address_is_an_address", injection);
    add("passwords_of_ten_megabytes_are_refused_unhashed", endless);
    trials
}

fn sign_up(app: &mut Client, email: &str, password: &str, metadata: &Value) -> Value {
    app.query_one(
        "select auth.sign_up($1, $2, $3)",
        &[&email, &password, metadata],
    )
    .expect("a reply")
    .get(0)
}

fn sign_in(app: &mut Client, email: &str, password: &str) -> Value {
    app.query_one("select auth.sign_in($1, $2)", &[&email, &password])
        .expect("a reply")
        .get(0)
}

fn one_answer(database: &Database) {
    // More tries than an address has; locks have tests of their own.
    database
        .superuser()
        .batch_execute("select auth.configure('lockout_type', 'none')")
        .expect("setting");
    let mut app = database.app();
    let wrong = sign_in(&mut app, "ann@example.com", "Wrong-Horse-7-Battery");
    assert_eq!(
        wrong,
        json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
    );
    for (email, password) in [
        ("nobody@example.com", PASSWORD),
        ("", PASSWORD),
        ("not an address", PASSWORD),
        ("ann@example.com", ""),
        ("ann@example.com", &PASSWORD.to_lowercase()),
        ("ann@example.com", &format!("{PASSWORD} ")),
        ("ann@example.com", &"x".repeat(100_000)),
        ("ann@example.com'--", PASSWORD),
    ] {
        assert_eq!(sign_in(&mut app, email, password), wrong, "{email}");
    }
    Account::from_reply(&sign_in(&mut app, " Ann@EXAMPLE.com", PASSWORD));
}

fn signs_in(database: &Database) {
    let mut app = database.app();
    let reply = sign_in(&mut app, "ann@example.com", PASSWORD);
    assert_eq!(reply["token_type"], "bearer");
    assert_eq!(reply["expires_in"], 21_600);
    let account = Account::from_reply(&reply);
    assert_eq!(account.id, database.fixture.ann.id);
    let (payload, header) = (
        forge::payload_of(&account.token),
        forge::header_of(&account.token),
    );
    assert_eq!(header["alg"], "ES256");
    for (claim, expected) in [
        ("iss", json!("fluxbase")),
        ("aud", json!(["fluxbase"])),
        ("sub", json!(account.id)),
        ("user_id", json!(account.id)),
        ("email", json!("ann@example.com")),
        ("role", json!("authenticated")),
        ("token_type", json!("access")),
    ] {
        assert_eq!(payload[claim], expected, "{claim}");
    }
    assert!(
        forge::payload_of(&account.refresh)
            .get("user_metadata")
            .is_none()
    );
    app.batch_execute("begin").expect("begins");
    app.execute("select auth.enter($1)", &[&account.token])
        .expect("enters");
    assert_eq!(
        value(&mut app, "select auth.get_user()->>'id'").expect("asked"),
        Some(account.id)
    );
}

fn no_choice(database: &Database) {
    let mut app = database.app();
    let wanted = json!({"role": "service_role", "app_metadata": {"admin": true}, "email_verified": true, "sub": database.fixture.ann.id});
    let reply = sign_up(&mut app, "m@example.com", PASSWORD, &wanted);
    assert_eq!(reply["user"]["role"], "authenticated");
    assert_eq!(reply["user"]["app_metadata"], json!({}));
    assert_eq!(reply["user"]["email_verified"], false);
    let account = Account::from_reply(&reply);
    let payload = forge::payload_of(&account.token);
    assert_eq!(payload["role"], "authenticated");
    assert_ne!(account.id, database.fixture.ann.id);
    app.batch_execute("begin").expect("begins");
    app.execute("select auth.enter($1)", &[&account.token])
        .expect("enters");
    assert_eq!(
        value(&mut app, "select current_user || auth.role()")
            .expect("asked")
            .as_deref(),
        Some("authenticatedauthenticated")
    );
}

fn metadata(database: &Database) {
    let mut app = database.app();
    for wrong in [json!([1]), json!("text"), json!(7)] {
        let reply = sign_up(&mut app, "m@example.com", PASSWORD, &wrong);
        assert_eq!(reply["code"], "VALIDATION_FAILED", "{reply}");
    }
    let reply = sign_up(
        &mut app,
        "m@example.com",
        PASSWORD,
        &json!({"nick": "Mé \"x\" 🐘"}),
    );
    assert_eq!(reply["user"]["user_metadata"]["nick"], "Mé \"x\" 🐘");
}

fn switched_off(database: &Database) {
    let mut superuser = database.superuser();
    let mut app = database.app();
    superuser
        .batch_execute("select auth.configure('signup_enabled', 'false')")
        .expect("configured");
    assert_eq!(
        sign_up(&mut app, "m@example.com", PASSWORD, &json!({}))["code"],
        "SIGNUP_DISABLED"
    );
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    superuser
        .batch_execute("select auth.configure('signup_enabled', 'true')")
        .expect("configured");
    Account::from_reply(&sign_up(&mut app, "m@example.com", PASSWORD, &json!({})));
}

fn no_door(database: &Database) {
    let mut plain = database.connect("plain");
    for call in [
        "select auth.sign_up('m@example.com', 'x')",
        "select auth.sign_in('ann@example.com', 'x')",
        "select auth.enter_anonymous()",
        "select auth.get_user()",
    ] {
        assert_eq!(
            sqlstate(&plain.batch_execute(call)).as_deref(),
            Some("42501"),
            "{call}"
        );
    }
    plain
        .batch_execute("select auth.uid(), auth.role(), auth.jwks()")
        .expect("what everybody may ask");
}

fn sealed(database: &Database) {
    let mut app = database.app();
    for token in [&database.fixture.ann.token, &database.fixture.anon_key] {
        app.batch_execute(&format!("begin; select auth.enter('{token}')"))
            .expect("enters");
        let outcome = app.batch_execute("select auth.sign_in('bob@example.com', 'x')");
        assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"));
        app.batch_execute("rollback").expect("ends");
    }
    Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
}

fn stored_hash(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("delete from auth.settings where key like 'password_hash_%'")
        .expect("the costs of a new cluster");
    let mut app = database.app();
    sign_up(&mut app, "new@example.com", PASSWORD, &json!({}));
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    let like = "select string_agg(email, ' ' order by email) from auth.users \
                where password_hash like '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(
        value(&mut superuser, like).expect("asked").as_deref(),
        Some("ann@example.com new@example.com")
    );
    // Raised costs reach existing users at their next sign-in.
    superuser
        .batch_execute("select auth.configure('password_hash_iterations', '3')")
        .expect("configured");
    Account::from_reply(&sign_in(&mut database.app(), "ann@example.com", PASSWORD));
    let rehashed = "select email from auth.users where password_hash like '%,t=3,%'";
    assert_eq!(
        value(&mut superuser, rehashed).expect("asked").as_deref(),
        Some("ann@example.com")
    );
    Account::from_reply(&sign_in(&mut database.app(), "ann@example.com", PASSWORD));
}

/// Hashing ten megabytes takes no longer than hashing ten letters; keeping, comparing or searching them might.
fn endless(database: &Database) {
    let mut app = database.app();
    let long = "Zz9-".repeat(10 << 18);
    let before = database.state();
    let weak = sign_up(&mut app, "new@example.com", &long, &json!({}));
    assert_eq!(weak["code"], "WEAK_PASSWORD");
    assert!(weak.to_string().len() < 1000);
    let wrong = json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"});
    assert_eq!(sign_in(&mut app, "ann@example.com", &long), wrong);
    assert_eq!(
        sign_in(&mut app, &format!("{long}@example.com"), PASSWORD),
        wrong
    );
    let mut own = |changes: Value| {
        let mut entered = app.transaction().expect("begun");
        entered
            .execute("select auth.enter($1)", &[&database.fixture.ann.token])
            .expect("entered");
        let row = entered.query_one("select auth.update_user($1)", &[&changes]);
        entered.commit().expect("committed");
        row.expect("a reply").get::<_, Value>(0)
    };
    let weak = own(json!({"password": long, "current_password": PASSWORD}));
    assert_eq!(weak["code"], "WEAK_PASSWORD");
    let proof = own(json!({"password": "Another-Horse-7-Mule", "current_password": long}));
    assert_eq!(proof["code"], "INVALID_CREDENTIALS", "{proof}");
    assert_eq!(database.state(), before);
    // The twin: the longest there may be.
    let longest = "Zz9-aBcD".repeat(16);
    Account::from_reply(&sign_up(&mut app, "new@example.com", &longest, &json!({})));
    Account::from_reply(&sign_in(&mut app, "new@example.com", &longest));
}

fn injection(database: &Database) {
    let mut app = database.app();
    let before = value(&mut database.superuser(), "select count(*) from pg_class").expect("asked");
    for email in [
        "x'); drop table auth.users; --@example.com",
        "$1@example.com",
        "\\'@example.com",
        "'||(select 1)||'@example.com",
    ] {
        let reply = sign_up(
            &mut app,
            email,
            PASSWORD,
            &json!({"'); drop table auth.users; --": "x"}),
        );
        assert!(
            reply.get("access_token").is_some() || reply["code"] == "VALIDATION_FAILED",
            "{reply}"
        );
    }
    assert_eq!(
        value(&mut database.superuser(), "select count(*) from pg_class").expect("asked"),
        before
    );
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
}
