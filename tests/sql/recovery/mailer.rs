//! The mailer's door: a fresh token each time, the earlier one dead, and nobody else's.

use super::{ANN, Tests, ask, by_link, newest, signed_in, token};
use crate::acts::{assert_refused, count, mails, superuser, text};
use crate::seal::sqlstate;
use fluxbase_tests::fixture::Database;
use postgres::fallible_iterator::FallibleIterator;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;

pub const TESTS: Tests = &[
    (
        "a_mail_taken_again_has_another_token_and_the_earlier_one_is_dead",
        again,
    ),
    ("a_mail_says_what_the_mailer_needs_and_no_more", shape),
    ("a_mail_reported_as_sent_is_not_given_out_again", sent),
    ("a_mail_that_failed_is_due_again_later_and_later", failed),
    ("mails_that_nobody_waits_for_are_not_given_out", stale),
    ("two_mailers_take_each_mail_once", two),
    ("the_servers_login_and_users_take_no_mail", closed),
    ("the_mailer_is_told_at_the_commit_and_once_a_minute", told),
    ("as_many_are_given_out_as_were_asked_for", most),
];

fn again(database: &Database) {
    let mut app = database.app();
    let mut tokens = vec![token(database, "magic_link", ANN)];
    for attempt in 2..4 {
        assert!(mails(database).is_empty(), "within a minute");
        superuser(
            database,
            "update auth.one_time_tokens set mail_due_at = clock_timestamp()",
        );
        let taken = mails(database);
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0]["attempt"], attempt);
        tokens.push(text(&taken[0], "token"));
    }
    let distinct: HashSet<&String> = tokens.iter().collect();
    assert_eq!(distinct.len(), 3);
    for earlier in &tokens[..2] {
        assert_refused(&by_link(&mut app, earlier), "INVALID_TOKEN");
    }
    signed_in(&by_link(&mut app, &tokens[2]));
}

fn shape(database: &Database) {
    let mut app = database.app();
    for kind in ["password_reset", "magic_link", "email_otp", "confirm_email"] {
        ask(&mut app, kind, ANN);
    }
    let taken = mails(database);
    assert_eq!(taken.len(), 4);
    for mail in taken {
        let kind = text(&mail, "kind");
        let minutes = match kind.as_str() {
            "password_reset" => 60,
            "magic_link" => 15,
            "email_otp" => 10,
            _ => 1440,
        };
        let members: HashSet<&str> = mail
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            members,
            HashSet::from([
                "id",
                "kind",
                "to",
                "token",
                "code",
                "redirect_to",
                "minutes",
                "attempt"
            ])
        );
        assert_eq!(
            (&mail["to"], &mail["attempt"], &mail["minutes"]),
            (&json!(ANN), &json!(1), &json!(minutes)),
            "{kind}"
        );
        assert_eq!(mail["token"].is_null(), kind == "email_otp");
        assert_eq!(mail["code"].is_null(), kind != "email_otp");
    }
}

fn report(database: &Database, call: &str, mail: &Value) {
    database
        .connect("fluxbase_mailer")
        .execute(&format!("select auth.{call}"), &[&text(mail, "id")])
        .expect("reported");
}

fn sent(database: &Database) {
    ask(&mut database.app(), "magic_link", ANN);
    let taken = mails(database);
    report(database, "mail_sent($1::text::uuid)", &taken[0]);
    assert!(newest(database, "mailed_at").is_some());
    assert_eq!(newest(database, "mail_due_at"), None);
    superuser(
        database,
        "update auth.one_time_tokens set created_at = created_at - interval '10 minutes'",
    );
    assert!(mails(database).is_empty());
    // Too late to say so.
    report(database, "mail_failed($1::text::uuid, 'x')", &taken[0]);
    assert!(mails(database).is_empty());
    assert_eq!(newest(database, "mail_due_at"), None);
    signed_in(&by_link(&mut database.app(), &text(&taken[0], "token")));
}

fn failed(database: &Database) {
    ask(&mut database.app(), "password_reset", ANN);
    for minutes in [1, 2, 4, 8] {
        let taken = mails(database);
        assert_eq!(taken.len(), 1, "before {minutes}");
        report(
            database,
            "mail_failed($1::text::uuid, repeat('x', 10000))",
            &taken[0],
        );
        let wait = newest(
            database,
            "round(extract(epoch from mail_due_at - clock_timestamp()) / 60)",
        );
        assert_eq!(wait, Some(minutes.to_string()));
        assert_eq!(
            newest(database, "length(mail_error)").as_deref(),
            Some("500")
        );
        assert!(mails(database).is_empty());
        superuser(
            database,
            "update auth.one_time_tokens set mail_due_at = clock_timestamp()",
        );
    }
}

fn stale(database: &Database) {
    let mut app = database.app();
    ask(&mut app, "magic_link", ANN);
    superuser(
        database,
        "update auth.one_time_tokens set expires_at = clock_timestamp()",
    );
    ask(&mut app, "magic_link", "bob@example.com");
    superuser(
        database,
        "update auth.one_time_tokens set used_at = now() where email = 'bob@example.com'",
    );
    assert_eq!(
        count(
            database,
            "select count(*) from auth.one_time_tokens where mail_due_at is not null"
        ),
        2
    );
    assert!(mails(database).is_empty());
    assert_eq!(
        count(
            database,
            "select count(*) from auth.one_time_tokens where mail_due_at is not null"
        ),
        0
    );
    assert_eq!(
        count(
            database,
            "select count(*) from auth.one_time_tokens where token_hash is not null"
        ),
        0
    );
}

fn two(database: &Database) {
    let mut app = database.app();
    for kind in ["password_reset", "magic_link", "email_otp"] {
        for email in [ANN, "bob@example.com"] {
            ask(&mut app, kind, email);
        }
    }
    let (mut one, mut other) = (
        database.connect("fluxbase_mailer"),
        database.connect("fluxbase_mailer"),
    );
    let mut first = one.transaction().expect("begun");
    let taken: Vec<Value> = first
        .query("select auth.take_mail(4)", &[])
        .expect("mails")
        .iter()
        .map(|row| row.get(0))
        .collect();
    let rest: Vec<Value> = other
        .query("select auth.take_mail(4)", &[])
        .expect("mails")
        .iter()
        .map(|row| row.get(0))
        .collect();
    first.commit().expect("taken");
    assert_eq!((taken.len(), rest.len()), (4, 2));
    let ids: HashSet<String> = taken
        .iter()
        .chain(&rest)
        .map(|mail| text(mail, "id"))
        .collect();
    assert_eq!(ids.len(), 6);
}

fn closed(database: &Database) {
    ask(&mut database.app(), "magic_link", ANN);
    let fixture = &database.fixture;
    let logins = [
        ("plain", String::new()),
        ("trusty", String::new()),
        ("fluxbase_app", String::new()),
        ("fluxbase_app", fixture.fill("select auth.enter('{ANN}')")),
        (
            "fluxbase_app",
            fixture.fill("select auth.enter('{SERVICE}')"),
        ),
    ];
    let id = newest(database, "id").expect("a row");
    for (login, entry) in logins {
        let mut client = database.connect(login);
        for call in [
            "auth.take_mail(10)".to_owned(),
            "auth.take_mail_batch(10)".to_owned(),
            format!("auth.mail_sent('{id}')"),
            format!("auth.mail_failed('{id}', 'x')"),
        ] {
            client
                .batch_execute(&format!("begin; {entry}"))
                .expect("begins");
            let outcome = client.batch_execute(&format!("select {call}"));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {call}"
            );
            client.batch_execute("rollback").expect("ends");
        }
    }
    // The mailer does nothing else.
    let mut mailer = database.connect("fluxbase_mailer");
    for call in [
        fixture.fill("select auth.enter('{ANN}')"),
        "select auth.enter_anonymous()".to_owned(),
        "select auth.sign_in('ann@example.com', 'x')".to_owned(),
        "select auth.take_mail_batch(1)".to_owned(),
        "select token_hash from auth.one_time_tokens".to_owned(),
        "select * from public.notes".to_owned(),
        "set role service_role".to_owned(),
        "set role fluxbase_app".to_owned(),
    ] {
        assert_eq!(
            sqlstate(&mailer.batch_execute(&call)).as_deref(),
            Some("42501"),
            "{call}"
        );
    }
    assert_eq!(mails(database).len(), 1);
}

fn told(database: &Database) {
    let mut mailer = database.connect("fluxbase_mailer");
    mailer
        .batch_execute("listen fluxbase_mail")
        .expect("listens");
    let mut heard = move || {
        mailer
            .notifications()
            .timeout_iter(Duration::from_millis(300))
            .map(|notification| {
                Ok((
                    notification.channel().to_owned(),
                    notification.payload().to_owned(),
                ))
            })
            .collect::<Vec<_>>()
            .expect("listens")
    };
    let mut app = database.app();
    app.batch_execute("begin; select auth.request_magic_link('ann@example.com')")
        .expect("asked");
    assert!(heard().is_empty());
    app.batch_execute("rollback").expect("ends");
    // Of an address that nobody has too: not to be told would take less time.
    for email in [ANN, "nobody@example.com"] {
        ask(&mut app, "magic_link", email);
        assert_eq!(heard(), [("fluxbase_mail".to_owned(), String::new())]);
        ask(&mut app, "magic_link", email);
        assert!(heard().is_empty(), "within a minute");
    }
}

fn most(database: &Database) {
    let mut app = database.app();
    for kind in ["password_reset", "magic_link", "email_otp"] {
        ask(&mut app, kind, ANN);
    }
    let mut mailer = database.connect("fluxbase_mailer");
    for (asked, given) in [(-1, 0), (0, 0), (1, 1), (i32::MAX, 2)] {
        let taken = mailer
            .query("select auth.take_mail($1)", &[&asked])
            .expect("mails");
        assert_eq!(taken.len(), given, "{asked}");
    }
}
