//! A new address counts when it is confirmed.

use super::{NEW, Tests, confirm, sign_in, sign_up};
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, events, mailed, mails, state, superuser,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    (
        "a_new_address_counts_when_it_is_confirmed_and_the_old_one_is_told",
        change,
    ),
    (
        "a_new_address_that_is_taken_changes_nothing",
        change_to_taken,
    ),
    (
        "a_new_address_that_was_taken_meanwhile_changes_nothing",
        taken_meanwhile,
    ),
    (
        "a_new_address_is_confirmed_in_time_or_not_at_all",
        change_expired,
    ),
    (
        "without_confirmation_a_new_address_counts_at_once_and_is_not_verified",
        unconfirmed_change,
    ),
];

fn ask_for(database: &Database, email: &str) -> Option<String> {
    let reply = act_as(
        &mut database.app(),
        &database.fixture.ann.token,
        "auth.update_user($1)",
        &[&json!({"email": email, "current_password": PASSWORD})],
    );
    assert_eq!(
        (&reply["email"], &reply["new_email"]),
        (&json!("ann@example.com"), &json!(email)),
        "{reply}"
    );
    let sent = mails(database);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (&sent[0]["to"], &sent[0]["kind"]),
        (&json!(email), &json!("email_change"))
    );
    sent[0]["token"].as_str().map(str::to_owned)
}

fn change(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let token = ask_for(database, NEW).expect("a token");
    // Not yet.
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    assert_refused(&sign_in(&mut app, NEW, PASSWORD), "INVALID_CREDENTIALS");
    let reply = confirm(&mut app, &token);
    assert_eq!(
        (
            &reply["user"]["id"],
            &reply["user"]["email"],
            &reply["user"]["email_verified"]
        ),
        (&json!(ann.id), &json!(NEW), &json!(true))
    );
    assert!(reply.get("access_token").is_none());
    // Now the tokens that name the old one are over.
    assert_eq!(enters(&mut app, &ann.token), Err("FX003".to_owned()));
    Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    Account::from_reply(&sign_in(&mut app, NEW, PASSWORD));
    assert_refused(
        &sign_in(&mut app, "ann@example.com", PASSWORD),
        "INVALID_CREDENTIALS",
    );
    let told = mails(database);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["to"], &told[0]["kind"]),
        (&json!("ann@example.com"), &json!("notice_email_changed"))
    );
    assert_eq!(told[0]["token"], Value::Null);
    assert_eq!(events(database, "auth.email_changed"), ["success"]);
    assert_refused(&confirm(&mut app, &token), "TOKEN_USED");
}

fn change_to_taken(database: &Database) {
    let token = ask_for(database, "bob@example.com").expect("a token");
    let mut app = database.app();
    assert_refused(&confirm(&mut app, &token), "VALIDATION_FAILED");
    let bob = Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
    assert_eq!(bob.id, database.fixture.bob.id);
    let ann = Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    assert_eq!(ann.id, database.fixture.ann.id);
    assert!(mails(database).is_empty());
}

fn taken_meanwhile(database: &Database) {
    let token = ask_for(database, NEW).expect("a token");
    let mut app = database.app();
    sign_up(&mut app, NEW, "Another-Staple-8-Mule");
    assert_refused(&confirm(&mut app, &token), "VALIDATION_FAILED");
    let owner =
        "select count(*) from auth.users where email = 'new@example.com' and not email_verified";
    assert_eq!(count(database, owner), 1);
    confirm(&mut app, &mailed(database, "confirm_email"));
    Account::from_reply(&sign_in(&mut app, NEW, "Another-Staple-8-Mule"));
}

fn change_expired(database: &Database) {
    let token = ask_for(database, NEW).expect("a token");
    superuser(
        database,
        "update auth.one_time_tokens set expires_at = clock_timestamp()",
    );
    let before = state(database);
    let mut app = database.app();
    assert_refused(&confirm(&mut app, &token), "TOKEN_EXPIRED");
    assert_eq!(state(database), before);
    assert_eq!(enters(&mut app, &database.fixture.ann.token), Ok(()));
}

fn unconfirmed_change(database: &Database) {
    configure(database, "require_email_verification", "false");
    let ann = &database.fixture.ann;
    let mut app = database.app();
    let ask = |app: &mut Client, email: &str| {
        act_as(
            app,
            &ann.token,
            "auth.update_user($1)",
            &[&json!({"email": email, "current_password": PASSWORD})],
        )
    };
    let before = state(database);
    for (email, taken) in [
        ("bob@example.com", true),
        (" BOB@example.com", true),
        ("no address", false),
    ] {
        let refused = ask(&mut app, email);
        assert_refused(&refused, "VALIDATION_FAILED");
        assert_eq!(
            refused["error"] == "This e-mail address cannot be used",
            taken
        );
    }
    assert_eq!(state(database), before);
    let changed = ask(&mut app, NEW);
    assert_eq!(
        (&changed["email"], &changed["email_verified"]),
        (&json!(NEW), &json!(false))
    );
    let told = mails(database);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&told[0]["to"], &told[0]["kind"]),
        (&json!("ann@example.com"), &json!("notice_email_changed"))
    );
    assert_eq!(enters(&mut app, &ann.token), Err("FX003".to_owned()));
}
