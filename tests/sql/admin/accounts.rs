//! Accounts that administrators make, lock, reset and delete.

use super::Test;
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, events, mailed, mails, promoted, state,
    superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("a_user_made_with_a_password_signs_in", with_password),
        ("a_user_made_without_one_is_invited", invited),
        ("an_invitation_works_once_and_not_for_ever", invitation_once),
        ("a_temporary_password_is_told_once", temporary),
        ("what_a_user_cannot_be_made_with_is_refused", malformed),
        ("a_locked_user_is_out_until_unlocked", locked),
        ("a_deleted_user_is_gone", deleted),
        (
            "a_password_reset_by_an_administrator_voids_the_old_one",
            reset,
        ),
        (
            "users_can_be_made_where_sign_up_is_disabled",
            sign_up_disabled,
        ),
    ]
}

fn create(database: &Database, email: &str, options: &Value) -> Value {
    act(
        &mut database.superuser(),
        "auth.admin_create_user($1, $2)",
        &[&email, options],
    )
}

fn sign_in(database: &Database, email: &str, password: &str) -> Value {
    act(
        &mut database.app(),
        "auth.sign_in($1, $2)",
        &[&email, &password],
    )
}

fn bad() -> Value {
    json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
}

fn with_password(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let options = json!({
        "password": PASSWORD, "role": "editor", "user_metadata": {"nick": "c"}, "app_metadata": {"plan": "pro"},
        "email_verified": true, "id": database.fixture.bob.id, "is_anonymous": true, "disabled_at": "2020-01-01",
    });
    let call = "auth.admin_create_user(' Cyd@Example.com ', $1)";
    let reply = act_as(&mut database.app(), &admin.token, call, &[&options]);
    assert_eq!(reply["email_sent"], false);
    assert!(reply.get("temporary_password").is_none());
    let user = &reply["user"];
    assert_eq!(
        (
            &user["email"],
            &user["role"],
            &user["email_verified"],
            &user["is_anonymous"],
            &user["user_metadata"],
            &user["app_metadata"]
        ),
        (
            &json!("cyd@example.com"),
            &json!("editor"),
            &json!(true),
            &json!(false),
            &json!({"nick": "c"}),
            &json!({"plan": "pro"})
        )
    );
    assert_ne!(user["id"], database.fixture.bob.id.as_str());
    assert!(mails(database).is_empty());
    assert_eq!(events(database, "admin.user_create"), ["success"]);
    // Being made opens no session.
    assert_eq!(count(database, "select count(*) from auth.sessions"), 2);
    Account::from_reply(&sign_in(database, "cyd@example.com", PASSWORD));
}

fn invited(database: &Database) {
    configure(database, "require_email_verification", "true");
    let reply = create(database, "cyd@example.com", &json!({}));
    assert_eq!(
        (&reply["email_sent"], &reply["user"]["email_verified"]),
        (&json!(true), &json!(false))
    );
    for password in ["", PASSWORD] {
        assert_eq!(sign_in(database, "cyd@example.com", password), bad());
    }
    let sent = mails(database);
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&sent[0]["kind"], &sent[0]["to"]),
        (&json!("invitation"), &json!("cyd@example.com"))
    );
    let token = text(&sent[0], "token");
    let mut app = database.app();
    assert_eq!(
        act(&mut app, "auth.check_password_reset($1)", &[&token])["valid"],
        true
    );
    for other in ["auth.sign_in_with_magic_link($1)", "auth.confirm_email($1)"] {
        assert_refused(&act(&mut app, other, &[&token]), "INVALID_TOKEN");
    }
    let before = state(database);
    assert_refused(
        &act(&mut app, "auth.reset_password($1, 'weak')", &[&token]),
        "WEAK_PASSWORD",
    );
    assert_eq!(state(database), before);
    let reply = act(
        &mut app,
        "auth.reset_password($1, $2)",
        &[&token, &PASSWORD],
    );
    let account = Account::from_reply(&reply);
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    // The mail arrived: the address is confirmed.
    assert_eq!(reply["user"]["email_verified"], true);
    Account::from_reply(&sign_in(database, "cyd@example.com", PASSWORD));
}

fn invitation_once(database: &Database) {
    create(database, "cyd@example.com", &json!({}));
    let token = mailed(database, "invitation");
    let mut app = database.app();
    Account::from_reply(&act(
        &mut app,
        "auth.reset_password($1, $2)",
        &[&token, &PASSWORD],
    ));
    let before = state(database);
    let reply = act(
        &mut app,
        "auth.reset_password($1, 'Another-Horse-8-Battery')",
        &[&token],
    );
    assert_refused(&reply, "TOKEN_USED");
    assert_eq!(state(database), before);
    create(database, "dan@example.com", &json!({}));
    let token = mailed(database, "invitation");
    superuser(
        database,
        "update auth.one_time_tokens set expires_at = now()",
    );
    let before = state(database);
    let reply = act(
        &mut app,
        "auth.reset_password($1, $2)",
        &[&token, &PASSWORD],
    );
    assert_refused(&reply, "TOKEN_EXPIRED");
    assert_eq!(state(database), before);
}

fn temporary(database: &Database) {
    let reply = create(database, "cyd@example.com", &json!({"skip_email": true}));
    assert_eq!(reply["email_sent"], false);
    let password = text(&reply, "temporary_password");
    assert!(mails(database).is_empty());
    for place in ["auth.users", "audit.events", "auth.one_time_tokens"] {
        assert_eq!(
            count(
                database,
                &format!("select count(*) from {place} t where t::text like '%{password}%'")
            ),
            0
        );
    }
    // What it lets in to is the business of `temporary`.
    assert_refused(
        &sign_in(database, "cyd@example.com", &password),
        "PASSWORD_EXPIRED",
    );
    let other = create(database, "dan@example.com", &json!({"skip_email": true}));
    assert_ne!(text(&other, "temporary_password"), password);
}

fn malformed(database: &Database) {
    let before = state(database);
    let long = json!({"x": "x".repeat(70_000)});
    for (email, options, code) in [
        (
            "no address",
            json!({"password": PASSWORD}),
            "VALIDATION_FAILED",
        ),
        ("", json!({"password": PASSWORD}), "VALIDATION_FAILED"),
        (
            "ann@example.com",
            json!({"password": PASSWORD}),
            "ALREADY_EXISTS",
        ),
        (" ANN@Example.com", json!({}), "ALREADY_EXISTS"),
        (
            "cyd@example.com",
            json!({"password": "short"}),
            "WEAK_PASSWORD",
        ),
        ("cyd@example.com", json!({"password": ""}), "WEAK_PASSWORD"),
        (
            "cyd@example.com",
            json!({"password": "Password123!"}),
            "WEAK_PASSWORD",
        ),
        (
            "cydney@example.com",
            json!({"password": "Cydney-7-Battery-Horse"}),
            "WEAK_PASSWORD",
        ),
        (
            "cyd@example.com",
            json!({"password": 7}),
            "VALIDATION_FAILED",
        ),
        ("cyd@example.com", json!({"role": 7}), "VALIDATION_FAILED"),
        (
            "cyd@example.com",
            json!({"user_metadata": []}),
            "VALIDATION_FAILED",
        ),
        (
            "cyd@example.com",
            json!({"app_metadata": "x"}),
            "VALIDATION_FAILED",
        ),
        (
            "cyd@example.com",
            json!({"user_metadata": long}),
            "VALIDATION_FAILED",
        ),
        (
            "cyd@example.com",
            json!({"app_metadata": long}),
            "VALIDATION_FAILED",
        ),
    ] {
        assert_refused(&create(database, email, &options), code);
    }
    let none: Option<&str> = None;
    assert_refused(
        &act(
            &mut database.superuser(),
            "auth.admin_create_user($1)",
            &[&none],
        ),
        "MISSING_REQUIRED_FIELD",
    );
    assert_eq!(state(database), before);
}

fn locked(database: &Database) {
    let bob = &database.fixture.bob;
    let mut app = database.app();
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    let mut admin = database.superuser();
    let reply = act(
        &mut admin,
        "auth.admin_lock_user($1::text::uuid)",
        &[&bob.id],
    );
    assert_eq!(reply, json!({"message": "The user was locked"}));
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&bob.refresh]),
        "INVALID_TOKEN",
    );
    // Nobody is told why.
    assert_eq!(sign_in(database, "bob@example.com", PASSWORD), bad());
    act(&mut app, "auth.request_magic_link('bob@example.com')", &[]);
    act(
        &mut app,
        "auth.request_password_reset('bob@example.com')",
        &[],
    );
    assert!(mails(database).is_empty());
    assert_eq!(
        act(
            &mut admin,
            "auth.admin_get_user($1::text::uuid)",
            &[&bob.id]
        )["is_locked"],
        true
    );
    for _ in 0..6 {
        sign_in(database, "bob@example.com", "Wrong-Horse-7-Battery");
    }
    let reply = act(
        &mut admin,
        "auth.admin_unlock_user($1::text::uuid)",
        &[&bob.id],
    );
    assert_eq!(reply, json!({"message": "The user was unlocked"}));
    // The tokens of before stay dead; the wrong passwords are forgotten.
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    Account::from_reply(&sign_in(database, "bob@example.com", PASSWORD));
    assert_eq!(enters(&mut app, &database.fixture.ann.token), Ok(()));
}

fn deleted(database: &Database) {
    let bob = &database.fixture.bob;
    let mut app = database.app();
    act(&mut app, "auth.request_magic_link('bob@example.com')", &[]);
    let link = mailed(database, "magic_link");
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    let reply = act(
        &mut database.superuser(),
        "auth.admin_delete_user($1::text::uuid)",
        &[&bob.id],
    );
    assert_eq!(reply, json!({"message": "The user was deleted"}));
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&bob.refresh]),
        "INVALID_TOKEN",
    );
    assert_refused(
        &act(&mut app, "auth.sign_in_with_magic_link($1)", &[&link]),
        "INVALID_TOKEN",
    );
    assert_eq!(sign_in(database, "bob@example.com", PASSWORD), bad());
    assert_eq!(events(database, "admin.user_delete"), ["success"]);
    // Whoever comes after has the address and nothing else.
    let new = Account::from_reply(&act(
        &mut app,
        "auth.sign_up('bob@example.com', $1)",
        &[&PASSWORD],
    ));
    assert_ne!(new.id, bob.id);
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
}

fn reset(database: &Database) {
    let bob = &database.fixture.bob;
    let mut app = database.app();
    let reply = act(
        &mut database.superuser(),
        "auth.admin_reset_password($1::text::uuid)",
        &[&bob.id],
    );
    assert!(
        reply["message"].is_string() && reply.get("token").is_none(),
        "{reply}"
    );
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    for password in [PASSWORD, ""] {
        assert_eq!(sign_in(database, "bob@example.com", password), bad());
    }
    let link = mailed(database, "password_reset");
    let reply = act(
        &mut app,
        "auth.reset_password($1, 'Another-Horse-8-Battery')",
        &[&link],
    );
    Account::from_reply(&reply);
    Account::from_reply(&sign_in(
        database,
        "bob@example.com",
        "Another-Horse-8-Battery",
    ));
    // There is nowhere to send it.
    superuser(
        database,
        "insert into auth.users (id, is_anonymous) values ('00000000-0000-0000-0000-000000000001', true)",
    );
    let before = state(database);
    let call = "auth.admin_reset_password('00000000-0000-0000-0000-000000000001')";
    assert_refused(
        &act(&mut database.superuser(), call, &[]),
        "VALIDATION_FAILED",
    );
    assert_eq!(state(database), before);
}

fn sign_up_disabled(database: &Database) {
    configure(database, "signup_enabled", "false");
    let before = state(database);
    let reply = act(
        &mut database.app(),
        "auth.sign_up('cyd@example.com', $1)",
        &[&PASSWORD],
    );
    assert_refused(&reply, "SIGNUP_DISABLED");
    assert_eq!(state(database), before);
    create(database, "cyd@example.com", &json!({"password": PASSWORD}));
    Account::from_reply(&sign_in(database, "cyd@example.com", PASSWORD));
}
