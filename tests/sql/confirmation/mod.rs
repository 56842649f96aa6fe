//! Addresses are confirmed by whoever reads their mail: before signing in, and before a new one counts.

mod changing;

use crate::acts::{
    act, assert_refused, configure, count, enters, events, mailed, mails, state, superuser,
};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};

type Tests = &'static [(&'static str, fn(&Database))];

const NEW: &str = "new@example.com";

const TESTS: Tests = &[
    (
        "a_sign_up_with_a_taken_address_is_answered_like_one_with_a_free_one",
        taken,
    ),
    ("a_sign_up_again_and_again_mails_once_a_minute", again),
    ("before_confirming_nobody_signs_in", before_confirming),
    ("the_link_confirms_once_and_signs_nobody_in", confirms),
    ("a_link_used_by_twenty_at_once_confirms_once", parallel),
    ("an_expired_link_confirms_nothing", expired),
    (
        "asking_for_another_link_tells_nothing_and_voids_the_first",
        resend,
    ),
    ("a_mail_answered_in_another_way_confirms_too", other_ways),
    (
        "the_link_of_a_user_who_is_disabled_confirms_nothing",
        disabled,
    ),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    TESTS
        .iter()
        .chain(changing::TESTS)
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("confirmation::{name}"), move || {
                let database = fixture.database();
                configure(&database, "require_email_verification", "true");
                superuser(&database, "update auth.users set email_verified = true");
                body(&database);
            })
        })
        .collect()
}

fn sign_up(app: &mut Client, email: &str, password: &str) -> Value {
    act(
        app,
        "auth.sign_up($1, $2, '{\"nick\": \"n\"}')",
        &[&email, &password],
    )
}

fn sign_in(app: &mut Client, email: &str, password: &str) -> Value {
    act(app, "auth.sign_in($1, $2)", &[&email, &password])
}

fn confirm(app: &mut Client, token: &str) -> Value {
    act(app, "auth.confirm_email($1)", &[&token])
}

fn sessions(database: &Database) -> i64 {
    count(database, "select count(*) from auth.sessions")
}

fn without_news(mut reply: Value) -> Value {
    for (name, length) in [
        ("id", 36),
        ("created_at", 27),
        ("updated_at", 27),
        ("email", 15),
    ] {
        let member = &mut reply["user"][name];
        assert!(
            name == "email" || member.as_str().map(str::len) == Some(length),
            "{name}: {member}"
        );
        *member = Value::Null;
    }
    reply
}

fn taken(database: &Database) {
    let mut app = database.app();
    let first = sign_up(&mut app, NEW, PASSWORD);
    let expected = json!({"user": {"id": null, "email": null, "email_verified": false, "role": "authenticated",
        "is_anonymous": false, "user_metadata": {"nick": "n"}, "app_metadata": {}, "metadata": {"nick": "n"},
        "created_at": null, "updated_at": null}, "requires_email_verification": true,
        "message": "Follow the link in the mail to confirm the address"});
    assert_eq!(first["user"]["created_at"], first["user"]["updated_at"]);
    assert_eq!(without_news(first.clone()), expected);
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'bob@example.com'",
    );
    let users = "select md5(string_agg(u::text, '|' order by id)) from auth.users u";
    let users =
        |database: &Database| crate::seal::value(&mut database.superuser(), users).expect("asked");
    let before = (users(database), sessions(database));
    // Free, waiting to be confirmed, confirmed, disabled.
    for (email, kind) in [
        (NEW, Some("notice_sign_up")),
        ("ann@example.com", Some("notice_sign_up")),
        ("bob@example.com", None),
    ] {
        mails(database);
        let reply = sign_up(&mut app, &email.to_uppercase(), "Another-Staple-8-Mule");
        assert_eq!(reply["user"]["email"], email);
        assert_eq!(reply["user"]["created_at"], reply["user"]["updated_at"]);
        assert_ne!(reply["user"]["id"], first["user"]["id"]);
        assert_ne!(reply["user"]["id"], database.fixture.ann.id.as_str());
        assert_eq!(without_news(reply), expected, "{email}");
        let sent = mails(database);
        let kinds: Vec<_> = sent
            .iter()
            .filter_map(|mail| mail["kind"].as_str())
            .collect();
        assert_eq!(kinds, kind.into_iter().collect::<Vec<_>>(), "{email}");
        assert!(
            sent.iter().all(|mail| mail["to"] == email
                && mail["token"].is_null()
                && mail["code"].is_null())
        );
    }
    assert_eq!((users(database), sessions(database)), before);
    let failures = ["failure address_taken"; 3];
    assert_eq!(events(database, "auth.signup")[3..], failures);
    // A password that is too weak is refused before anything is looked at.
    for email in ["free@example.com", "ann@example.com"] {
        assert_refused(&sign_up(&mut app, email, "weak"), "WEAK_PASSWORD");
    }
}

fn again(database: &Database) {
    let mut app = database.app();
    sign_up(&mut app, NEW, PASSWORD);
    for _ in 0..5 {
        sign_up(&mut app, NEW, PASSWORD);
        sign_up(&mut app, "ann@example.com", PASSWORD);
    }
    let mut kinds: Vec<String> = mails(database)
        .iter()
        .map(|mail| format!("{} {}", mail["to"], mail["kind"]).replace('"', ""))
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "ann@example.com notice_sign_up",
            "new@example.com confirm_email",
            "new@example.com notice_sign_up"
        ]
    );
}

fn before_confirming(database: &Database) {
    let mut app = database.app();
    sign_up(&mut app, NEW, PASSWORD);
    let before = (state(database), sessions(database));
    let right = sign_in(&mut app, NEW, PASSWORD);
    assert_refused(&right, "EMAIL_NOT_VERIFIED");
    let wrong = sign_in(&mut app, NEW, "Wrong-Horse-7-Battery");
    assert_refused(&wrong, "INVALID_CREDENTIALS");
    assert_eq!(wrong, sign_in(&mut app, "nobody@example.com", PASSWORD));
    assert_eq!((state(database), sessions(database)), before);
    assert_eq!(
        events(database, "auth.login"),
        [
            "failure address_not_confirmed",
            "failure wrong_password",
            "failure unknown_address"
        ]
    );
    // The twins: who is confirmed, and the same user afterwards.
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    confirm(&mut app, &mailed(database, "confirm_email"));
    Account::from_reply(&sign_in(&mut app, NEW, PASSWORD));
}

fn confirms(database: &Database) {
    let mut app = database.app();
    let made = sign_up(&mut app, NEW, PASSWORD);
    let token = mailed(database, "confirm_email");
    let stored =
        "select count(*) from auth.one_time_tokens t where t::text like '%' || 'TOKEN' || '%'";
    assert_eq!(count(database, &stored.replace("TOKEN", &token)), 0);
    let before = sessions(database);
    let reply = confirm(&mut app, &token);
    assert_eq!(reply["message"], "The e-mail address is confirmed");
    assert_eq!(reply["user"]["id"], made["user"]["id"]);
    assert_eq!(reply["user"]["email_verified"], true);
    assert!(reply.get("access_token").is_none() && reply.get("refresh_token").is_none());
    assert_eq!(sessions(database), before);
    let confirmed = state(database);
    assert_refused(&confirm(&mut app, &token), "TOKEN_USED");
    assert_eq!(state(database), confirmed);
    for token in ["x", &token[1..]] {
        assert_refused(&confirm(&mut app, token), "INVALID_TOKEN");
    }
    // A token that was never anybody's is not written down.
    assert_eq!(
        events(database, "auth.email_confirmed"),
        ["success", "failure link_used"]
    );
    Account::from_reply(&sign_in(&mut app, NEW, PASSWORD));
}

fn parallel(database: &Database) {
    sign_up(&mut database.app(), NEW, PASSWORD);
    let token = mailed(database, "confirm_email");
    let start = Barrier::new(20);
    let won = std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..20)
            .map(|_| {
                let mut app = database.app();
                let (start, token) = (&start, &token);
                scope.spawn(move || {
                    start.wait();
                    let reply = confirm(&mut app, token);
                    assert!(
                        reply.get("user").is_some() || reply["code"] == "TOKEN_USED",
                        "{reply}"
                    );
                    usize::from(reply.get("user").is_some())
                })
            })
            .collect();
        crowd
            .into_iter()
            .map(|one| one.join().expect("joined"))
            .sum::<usize>()
    });
    assert_eq!(won, 1);
}

fn expired(database: &Database) {
    let mut app = database.app();
    sign_up(&mut app, NEW, PASSWORD);
    let token = mailed(database, "confirm_email");
    superuser(
        database,
        "update auth.one_time_tokens set expires_at = clock_timestamp()",
    );
    let before = state(database);
    assert_refused(&confirm(&mut app, &token), "TOKEN_EXPIRED");
    assert_eq!(state(database), before);
    assert_refused(&sign_in(&mut app, NEW, PASSWORD), "EMAIL_NOT_VERIFIED");
}

fn resend(database: &Database) {
    let mut app = database.app();
    sign_up(&mut app, NEW, PASSWORD);
    let first = mailed(database, "confirm_email");
    superuser(
        database,
        "update auth.one_time_tokens set created_at = created_at - interval '61 s'",
    );
    let call = "auth.request_email_confirmation($1)";
    let answer = json!({"message": "If the address needs to be confirmed, a mail is on its way"});
    for email in [NEW, "ann@example.com", "nobody@example.com"] {
        for _ in 0..2 {
            assert_eq!(act(&mut app, call, &[&email]), answer);
        }
    }
    let sent = mails(database);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (&sent[0]["to"], &sent[0]["kind"]),
        (&json!(NEW), &json!("confirm_email"))
    );
    assert_refused(&confirm(&mut app, &first), "TOKEN_USED");
    let second = sent[0]["token"].as_str().expect("a token");
    assert_eq!(confirm(&mut app, second)["user"]["email_verified"], true);
}

fn other_ways(database: &Database) {
    let mut app = database.app();
    for (email, request, kind) in [
        ("a@example.com", "request_password_reset", "password_reset"),
        ("b@example.com", "request_magic_link", "magic_link"),
        ("c@example.com", "request_email_code", "email_otp"),
    ] {
        sign_up(&mut app, email, PASSWORD);
        act(&mut app, &format!("auth.{request}($1)"), &[&email]);
        let carried = mailed(database, kind);
        let reply = match kind {
            "password_reset" => act(
                &mut app,
                "auth.reset_password($1, 'Another-Staple-8-Mule')",
                &[&carried],
            ),
            "magic_link" => act(&mut app, "auth.sign_in_with_magic_link($1)", &[&carried]),
            _ => act(
                &mut app,
                "auth.sign_in_with_email_code($1, $2)",
                &[&email, &carried],
            ),
        };
        assert_eq!(reply["user"]["email_verified"], true, "{reply}");
        let account = Account::from_reply(&reply);
        assert_eq!(enters(&mut app, &account.token), Ok(()));
    }
}

fn disabled(database: &Database) {
    let mut app = database.app();
    sign_up(&mut app, NEW, PASSWORD);
    let token = mailed(database, "confirm_email");
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'new@example.com'",
    );
    let before = state(database);
    assert_refused(&confirm(&mut app, &token), "INVALID_TOKEN");
    assert_eq!(state(database), before);
    superuser(database, "update auth.users set disabled_at = null");
    assert_eq!(confirm(&mut app, &token)["user"]["email_verified"], true);
}
