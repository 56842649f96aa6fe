//! Asking tells nobody whether an address is known, mails at most once a minute, and leads nowhere but home.

use super::{
    ANN, Tests, a_minute_later, ask, asked, at_once, by_link, newest, proven, signed_in, token,
};
use crate::acts::{act, assert_refused, configure, count, mails, state, superuser};
use crate::seal::value;
use fluxbase_tests::fixture::Database;

pub const TESTS: Tests = &[
    (
        "an_unknown_address_gets_the_same_answer_and_no_mail",
        unknown,
    ),
    ("a_second_mail_within_a_minute_is_not_sent", pause),
    ("twenty_asking_at_once_cause_one_mail", crowd),
    ("what_is_no_address_is_refused", no_address),
    ("a_link_that_leads_elsewhere_is_refused", redirects),
    ("without_a_list_no_link_leads_anywhere", no_list),
    ("an_address_in_other_letters_is_the_same_address", spelling),
    ("the_newest_link_is_the_one_that_works", newest_works),
];

const KINDS: [&str; 3] = ["password_reset", "magic_link", "email_otp"];

fn unknown(database: &Database) {
    let mut app = database.app();
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'bob@example.com'",
    );
    for kind in KINDS {
        for email in [ANN, "nobody@example.com", "bob@example.com"] {
            assert_eq!(ask(&mut app, kind, email), asked());
            assert_eq!(newest(database, "email").as_deref(), Some(email));
            // Nor do the rows: nobody has been looked for.
            let row = newest(database, "user_id is null and mail_due_at is not null");
            assert_eq!(row.as_deref(), Some("t"), "{kind} {email}");
        }
        // The audit does not tell either: events are of nobody.
        let event = "select count(*) from audit.events where event like 'auth.%_requested' and user_id is not null";
        assert_eq!(count(database, event), 0);
    }
    let sent = mails(database);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|mail| mail["to"] == ANN), "{sent:?}");
    // What nobody was mailed is done with and has no token: there is nothing to find.
    let waiting = "select count(*) from auth.one_time_tokens where email <> 'ann@example.com' and (mail_due_at is not null or used_at is null)";
    assert_eq!(count(database, waiting), 0);
    assert_eq!(
        count(
            database,
            "select count(*) from auth.one_time_tokens where email <> 'ann@example.com' and token_hash is not null"
        ),
        0
    );
}

fn pause(database: &Database) {
    proven(database);
    let mut app = database.app();
    for kind in KINDS {
        let first = token(database, kind, ANN);
        for _ in 0..3 {
            assert_eq!(ask(&mut app, kind, ANN), asked());
        }
        assert!(mails(database).is_empty(), "{kind}");
        // The first one still works; another address is not held up.
        if kind == "magic_link" {
            signed_in(&by_link(&mut app, &first));
            ask(&mut app, kind, ANN);
            assert!(mails(database).is_empty(), "after it was used");
        }
        token(database, kind, "bob@example.com");
    }
    a_minute_later(database);
    for kind in KINDS {
        token(database, kind, ANN);
    }
}

fn crowd(database: &Database) {
    for kind in KINDS {
        for reply in at_once(database, |app, _| ask(app, kind, ANN)) {
            assert_eq!(reply, asked());
        }
        let sent = mails(database);
        assert_eq!(sent.len(), 1, "{kind}: {} mails", sent.len());
    }
}

fn no_address(database: &Database) {
    let mut app = database.app();
    let before = state(database);
    for kind in KINDS.into_iter().chain(["confirm_email"]) {
        for wrong in [
            "",
            "ann",
            "ann@",
            "ann@example.com\r\nBcc: x@example.com",
            "ann@example.com, x@example.com",
            "<ann@example.com>",
            "an n@example.com",
        ] {
            assert_refused(&ask(&mut app, kind, wrong), "VALIDATION_FAILED");
        }
    }
    for call in [
        "request_password_reset(null)",
        "request_magic_link(null)",
        "request_email_code(null)",
        "request_email_confirmation(null)",
    ] {
        let refused = act(&mut app, &format!("auth.{call}"), &[]);
        assert_refused(&refused, "MISSING_REQUIRED_FIELD");
    }
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
}

fn redirects(database: &Database) {
    configure(
        database,
        "allowed_redirect_urls",
        "https://app.example.com/account, http://localhost:3000",
    );
    let mut app = database.app();
    let before = state(database);
    for function in ["request_password_reset", "request_magic_link"] {
        let call = format!("auth.{function}($1, $2)");
        for elsewhere in [
            "https://evil.example.com/account",
            "https://app.example.com.evil.example/account",
            "https://app.example.com@evil.example/account",
            "https://user:pw@app.example.com/account",
            "http://app.example.com/account",
            "https://app.example.com:8443/account",
            "https://app.example.com/",
            "https://app.example.com/accountant",
            "https://app.example.com/account/../admin",
            "https://app.example.com/account/%2e%2e/admin",
            "https://app.example.com\\@evil.example/account",
            "//app.example.com/account",
            "/account",
            "javascript:alert(1)//https://app.example.com/account",
            "data:text/html,https://app.example.com/account",
            "http://localhost:3001/",
            "https://localhost:3000/",
            "https://app.example.com/account\r\nX: y",
            "nonsense",
        ] {
            let refused = act(&mut app, &call, &[&ANN, &elsewhere]);
            assert_eq!(
                refused["code"], "INVALID_REDIRECT_URL",
                "{elsewhere}: {refused}"
            );
            // Whoever is not known is told the same.
            let unknown = act(&mut app, &call, &[&"nobody@example.com", &elsewhere]);
            assert_eq!(unknown, refused);
        }
    }
    assert_eq!(state(database), before);
    for home in [
        "https://app.example.com/account",
        "https://app.example.com/account/done?a=b",
        "http://localhost:3000/anything",
    ] {
        let call = "auth.request_magic_link($1, $2)";
        assert_eq!(act(&mut app, call, &[&ANN, &home]), asked());
        let sent = mails(database);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0]["redirect_to"], home);
        a_minute_later(database);
    }
    // None is none.
    act(&mut app, "auth.request_magic_link($1, '')", &[&ANN]);
    assert_eq!(mails(database)[0]["redirect_to"], serde_json::Value::Null);
}

fn no_list(database: &Database) {
    let before = state(database);
    let call = "auth.request_magic_link($1, 'https://app.example.com/account')";
    let refused = act(&mut database.app(), call, &[&ANN]);
    assert_refused(&refused, "INVALID_REDIRECT_URL");
    assert_eq!(state(database), before);
}

fn spelling(database: &Database) {
    for (kind, spelt) in
        KINDS
            .iter()
            .zip(["ANN@EXAMPLE.COM", " Ann@example.com ", "ann@EXAMPLE.com"])
    {
        ask(&mut database.app(), kind, spelt);
        let sent = mails(database);
        assert_eq!(sent.len(), 1, "{spelt}");
        assert_eq!(sent[0]["to"], ANN);
    }
    let users = value(&mut database.superuser(), "select count(*) from auth.users");
    assert_eq!(users.expect("asked").as_deref(), Some("2"));
}

fn newest_works(database: &Database) {
    proven(database);
    let mut app = database.app();
    let first = token(database, "magic_link", ANN);
    let reset = token(database, "password_reset", ANN);
    a_minute_later(database);
    let second = token(database, "magic_link", ANN);
    assert_ne!(first, second);
    assert_refused(&by_link(&mut app, &first), "TOKEN_USED");
    signed_in(&by_link(&mut app, &second));
    // Links of another kind are another matter.
    signed_in(&super::reset(&mut app, &reset, super::NEW));
}
