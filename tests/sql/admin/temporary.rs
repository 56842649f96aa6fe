//! Passwords that administrators set or have made: they let their user in to choose another, and soon not even that.

use super::Test;
use crate::acts::{
    act, act_as, assert_refused, but, configure, count, enters, events, mailed, mails, promoted,
    state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        (
            "a_temporary_password_only_lets_its_user_choose_another",
            must_be_changed,
        ),
        ("a_temporary_password_that_ran_out_is_a_wrong_one", runs_out),
        (
            "a_password_set_by_an_administrator_is_a_temporary_one",
            set_by_administrator,
        ),
        (
            "a_temporary_password_never_becomes_the_lasting_one",
            never_lasting,
        ),
        ("a_temporary_password_follows_the_policy", follows_policy),
        (
            "where_administrators_choose_no_passwords_they_are_refused",
            no_choice,
        ),
    ]
}

const NEW: &str = "Another-Staple-8-Mule";
const CYD: &str = "cyd@example.com";

/// Makes a user with a temporary password: id and password.
fn made(database: &Database) -> (String, String) {
    let call = "auth.admin_create_user($1, '{\"skip_email\": true}')";
    let reply = act(&mut database.superuser(), call, &[&CYD]);
    (
        text(&reply["user"], "id"),
        text(&reply, "temporary_password"),
    )
}

fn sign_in(database: &Database, email: &str, password: &str) -> Value {
    let call = "auth.sign_in($1, $2)";
    act(&mut database.app(), call, &[&email, &password])
}

fn reset(database: &Database, token: &str, password: &str) -> Value {
    let call = "auth.reset_password($1, $2)";
    act(&mut database.app(), call, &[&token, &password])
}

fn bad() -> Value {
    json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
}

/// The token of a sign-in with a password that is right and must be changed.
#[track_caller]
fn expired(reply: &Value) -> String {
    let token = text(reply, "reset_token");
    assert_eq!(
        *reply,
        json!({"error": "Password expired", "code": "PASSWORD_EXPIRED", "password_expired": true, "reset_token": token})
    );
    token
}

const SESSIONS: &str = "select count(*) from auth.sessions";

fn must_be_changed(database: &Database) {
    let (_, temporary) = made(database);
    let sessions = count(database, SESSIONS);
    assert_eq!(sign_in(database, CYD, "Wrong-Horse-7-Battery"), bad());
    let first = expired(&sign_in(database, CYD, &temporary));
    let token = expired(&sign_in(database, CYD, &temporary));
    for shown in [&first, &token] {
        assert_ne!(enters(&mut database.app(), shown), Ok(()));
    }
    assert_eq!(count(database, SESSIONS), sessions);
    assert!(mails(database).is_empty());
    assert_eq!(
        events(database, "auth.login"),
        [
            "failure wrong_password",
            "failure temporary_password",
            "failure temporary_password"
        ]
    );
    assert_refused(&reset(database, &token, "weak"), "WEAK_PASSWORD");
    let account = Account::from_reply(&reset(database, &token, NEW));
    assert_eq!(enters(&mut database.app(), &account.token), Ok(()));
    assert_refused(&reset(database, &first, PASSWORD), "TOKEN_USED");
    assert_eq!(sign_in(database, CYD, &temporary), bad());
    // The own one lasts.
    let left = "select count(*) from auth.users where password_temporary_until is not null";
    assert_eq!(count(database, left), 0);
    Account::from_reply(&sign_in(database, CYD, NEW));
}

fn runs_out(database: &Database) {
    let (id, temporary) = made(database);
    let days = "select round(extract(epoch from password_temporary_until - now()) / 86400) from auth.users where email = 'cyd@example.com'";
    assert_eq!(count(database, days), 3);
    superuser(
        database,
        "update auth.users set password_temporary_until = now() where email = 'cyd@example.com'",
    );
    let before = state(database);
    let logins = events(database, "auth.login").len();
    for _ in 0..5 {
        assert_eq!(sign_in(database, CYD, &temporary), bad());
    }
    assert_eq!(
        events(database, "auth.login")[logins..],
        ["failure temporary_password_expired"; 5]
    );
    // Counted like wrong ones: the sixth is not even looked at.
    superuser(
        database,
        "update auth.users set password_temporary_until = now() + interval '1 hour' where email = 'cyd@example.com'",
    );
    assert_eq!(sign_in(database, CYD, &temporary), bad());
    assert_eq!(
        events(database, "auth.login").last().map(String::as_str),
        Some("failure address_locked")
    );
    // The times were changed here, and the owner is told of the lock.
    let rest = |state| but(but(state, "users"), "one_time_tokens");
    assert_eq!(rest(state(database)), rest(before));
    superuser(database, "delete from auth.login_attempts");
    expired(&sign_in(database, CYD, &temporary));
    // As long as the setting says.
    configure(database, "temporary_password_expiry", "12h");
    let changes = json!({"password": NEW});
    let call = "auth.admin_update_user($1::text::uuid, $2)";
    act(&mut database.superuser(), call, &[&id, &changes]);
    let hours = "select round(extract(epoch from password_temporary_until - now()) / 3600) from auth.users where email = 'cyd@example.com'";
    assert_eq!(count(database, hours), 12);
}

/// The administrator knows what was typed, and so must not know what the user goes on with.
fn set_by_administrator(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let bob = &database.fixture.bob;
    let chosen = "Chosen-Horse-9-Battery";
    let changes = json!({"password": chosen});
    let call = "auth.admin_update_user($1::text::uuid, $2)";
    let reply = act_as(
        &mut database.app(),
        &admin.token,
        call,
        &[&bob.id, &changes],
    );
    assert_eq!(reply["id"], bob.id.as_str());
    let sessions = count(database, SESSIONS);
    let token = expired(&sign_in(database, &bob.email, chosen));
    assert_eq!(count(database, SESSIONS), sessions);
    assert_refused(&reset(database, &token, chosen), "WEAK_PASSWORD");
    Account::from_reply(&reset(database, &token, NEW));
    assert_eq!(sign_in(database, &bob.email, chosen), bad());
    Account::from_reply(&sign_in(database, &bob.email, NEW));
    // One that came with the account is the application's affair: imports and seeds bring them.
    let options = json!({"password": PASSWORD});
    act(
        &mut database.superuser(),
        "auth.admin_create_user($1, $2)",
        &[&CYD, &options],
    );
    Account::from_reply(&sign_in(database, CYD, PASSWORD));
}

fn never_lasting(database: &Database) {
    let (_, temporary) = made(database);
    let mut app = database.app();
    let token = expired(&sign_in(database, CYD, &temporary));
    let before = state(database);
    let same = json!({"error": "Password is too weak: it must not be the temporary one", "code": "WEAK_PASSWORD"});
    assert_eq!(reset(database, &token, &temporary), same);
    assert_eq!(state(database), before);
    // Nor by another way in.
    act(&mut app, "auth.request_password_reset($1)", &[&CYD]);
    let mailed_reset = mailed(database, "password_reset");
    assert_eq!(reset(database, &mailed_reset, &temporary), same);
    superuser(database, "update auth.users set email_verified = true");
    act(&mut app, "auth.request_magic_link($1)", &[&CYD]);
    let link = mailed(database, "magic_link");
    let account = Account::from_reply(&act(&mut app, "auth.sign_in_with_magic_link($1)", &[&link]));
    let change = |password: &str, current: &str| {
        let changes =
            json!({"password": password, "current_password": current, "email": "cyd2@example.com"});
        act_as(
            &mut database.app(),
            &account.token,
            "auth.update_user($1)",
            &[&changes],
        )
    };
    let before = state(database);
    assert_eq!(change(&temporary, &temporary), same);
    // Who guesses is told nothing, and counted.
    assert_refused(
        &change(&temporary, "Wrong-Horse-7-Battery"),
        "INVALID_CREDENTIALS",
    );
    assert_eq!(state(database), before);
    assert_eq!(change(NEW, &temporary)["email"], "cyd2@example.com");
    Account::from_reply(&sign_in(database, "cyd2@example.com", NEW));
}

fn follows_policy(database: &Database) {
    for length in [8, 64, 128] {
        configure(database, "password_min_length", &length.to_string());
        let (id, temporary) = made(database);
        assert_eq!(temporary.chars().count(), length.max(24));
        let token = expired(&sign_in(database, CYD, &temporary));
        let longest = format!("Zz9-{}", "another-lasting-one-of-words-x-".repeat(4));
        Account::from_reply(&reset(database, &token, &longest));
        superuser(
            database,
            &format!("delete from auth.users where id = '{id}'"),
        );
    }
}

fn no_choice(database: &Database) {
    configure(database, "admins_choose_passwords", "false");
    let admin = promoted(database, &database.fixture.ann, "dashboard_admin");
    let bob = &database.fixture.bob;
    let mut app = database.app();
    let before = state(database);
    let refused = json!({"error": "Administrators choose no passwords here; send the user a link", "code": "FEATURE_DISABLED"});
    let changes = json!({"password": NEW, "role": "editor"});
    let update = "auth.admin_update_user($1::text::uuid, $2)";
    let create = "auth.admin_create_user($1, $2)";
    assert_eq!(
        act_as(&mut app, &admin.token, update, &[&bob.id, &changes]),
        refused
    );
    assert_eq!(
        act_as(&mut app, &admin.token, create, &[&CYD, &changes]),
        refused
    );
    let key = &database.fixture.service_key;
    assert_eq!(act_as(&mut app, key, update, &[&bob.id, &changes]), refused);
    // Who administers nobody is told that.
    assert_refused(
        &act_as(&mut app, &bob.token, create, &[&CYD, &changes]),
        "ADMIN_REQUIRED",
    );
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    // What is left: everything else of a user, a reset, an invitation, a temporary password, the first administrator.
    let role = json!({"role": "editor"});
    assert_eq!(
        act_as(&mut app, &admin.token, update, &[&bob.id, &role])["role"],
        "editor"
    );
    act_as(
        &mut app,
        &admin.token,
        "auth.admin_reset_password($1::text::uuid)",
        &[&bob.id],
    );
    Account::from_reply(&reset(database, &mailed(database, "password_reset"), NEW));
    act_as(
        &mut app,
        &admin.token,
        create,
        &[&"dan@example.com", &json!({})],
    );
    mailed(database, "invitation");
    let (_, temporary) = made(database);
    expired(&sign_in(database, CYD, &temporary));
    let first = act(
        &mut database.superuser(),
        "auth.create_admin('root@example.com', $1)",
        &[&PASSWORD],
    );
    assert_eq!(first["user"]["role"], "dashboard_admin", "{first}");
    Account::from_reply(&sign_in(database, "root@example.com", PASSWORD));
}
