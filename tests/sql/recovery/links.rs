//! Links that reset a password or sign in: once, in time, for what they were asked for.

use super::{
    ANN, NEW, Tests, assert_unchanged, at_once, by_link, found_in, newest, proven, reset, sign_in,
    signed_in, token,
};
use crate::acts::{act, assert_refused, configure, count, enters, events, mails, state, superuser};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    ("a_reset_ends_every_session_and_the_old_password", works),
    ("a_magic_link_signs_in_and_changes_nothing_else", link_works),
    ("a_token_stands_in_no_table", hashed),
    ("a_link_works_once", once),
    ("a_link_used_by_twenty_at_once_has_one_winner", parallel),
    ("an_expired_link_is_refused", expired),
    ("a_link_opens_no_other_door", foreign_kind),
    ("what_is_no_token_is_refused", garbage),
    ("a_weak_new_password_does_not_use_the_link_up", weak),
    ("looking_at_a_link_does_not_use_it_up", looking),
    (
        "a_link_of_a_user_who_is_disabled_or_gone_is_refused",
        nobodys,
    ),
    ("a_reset_rolled_back_leaves_the_link_good", rolled_back),
    ("a_reset_frees_an_address_that_was_locked", unlocks),
    (
        "links_that_sign_in_can_be_switched_off_and_resets_cannot",
        switched_off,
    ),
    (
        "a_reset_ends_what_the_user_did_as_somebody_else",
        impersonating,
    ),
];

type Door = fn(&mut Client, &str) -> Value;

/// What a link of this kind is shown to.
const DOORS: [(&str, Door); 2] = [
    ("password_reset", |client, token| reset(client, token, NEW)),
    ("magic_link", by_link),
];

fn works(database: &Database) {
    let (mut app, mut knew) = (database.app(), database.app());
    let ann = &database.fixture.ann;
    let other = signed_in(&sign_in(&mut app, ANN, PASSWORD));
    for account in [ann, &other] {
        assert_eq!(enters(&mut knew, &account.token), Ok(()));
    }
    let token = token(database, "password_reset", ANN);
    let account = signed_in(&reset(&mut app, &token, NEW));
    assert_eq!(account.id, ann.id);
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    for account in [ann, &other] {
        assert_eq!(enters(&mut knew, &account.token), Err("FX003".to_owned()));
        let refreshed = act(&mut app, "auth.refresh($1)", &[&account.refresh]);
        assert_refused(&refreshed, "INVALID_TOKEN");
    }
    assert_refused(&sign_in(&mut app, ANN, PASSWORD), "INVALID_CREDENTIALS");
    signed_in(&sign_in(&mut app, ANN, NEW));
    let told = mails(database);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["kind"], "notice_password_changed");
    assert_eq!(told[0]["to"], ANN);
    assert_eq!(
        (&told[0]["token"], &told[0]["code"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(events(database, "auth.password_reset"), ["success"]);
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
}

fn link_works(database: &Database) {
    proven(database);
    let mut app = database.app();
    let token = token(database, "magic_link", ANN);
    let reply = by_link(&mut app, &token);
    let account = signed_in(&reply);
    assert_eq!(account.id, database.fixture.ann.id);
    assert_eq!(reply["user"]["email_verified"], true);
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    // Nothing else changed.
    assert_eq!(enters(&mut app, &database.fixture.ann.token), Ok(()));
    assert_unchanged(database);
}

fn hashed(database: &Database) {
    for (kind, door) in DOORS {
        let token = token(database, kind, ANN);
        assert_eq!(token.len(), 43, "256 bits");
        let nowhere = Vec::<String>::new();
        assert_eq!(found_in(database, &token), nowhere);
        assert!(newest(database, "token_hash").is_some());
        signed_in(&door(&mut database.app(), &token));
        assert_eq!(found_in(database, &token), nowhere);
        // The search finds what is there.
        assert!(found_in(database, ANN).contains(&"auth.users".to_owned()));
        let log = database.fixture.cluster.log_tail(usize::MAX);
        assert!(!log.contains(&token), "{kind} in the server's log");
    }
}

fn once(database: &Database) {
    let mut app = database.app();
    for (kind, door) in DOORS {
        let token = token(database, kind, ANN);
        signed_in(&door(&mut app, &token));
        let before = state(database);
        let again = door(&mut app, &token);
        assert_refused(&again, "TOKEN_USED");
        assert_eq!(state(database), before);
    }
    signed_in(&sign_in(&mut app, ANN, NEW));
}

fn parallel(database: &Database) {
    for (kind, door) in DOORS {
        let token = token(database, kind, ANN);
        let sessions = count(database, "select count(*) from auth.sessions");
        let replies = at_once(database, |app, _| door(app, &token));
        let (won, lost): (Vec<_>, Vec<_>) = replies
            .into_iter()
            .partition(|reply| reply.get("access_token").is_some());
        assert_eq!(won.len(), 1, "{kind}");
        for reply in &lost {
            assert_refused(reply, "TOKEN_USED");
        }
        let opened = count(database, "select count(*) from auth.sessions") - sessions;
        // A reset has ended Ann's first.
        assert_eq!(opened, i64::from(kind == "magic_link"), "{kind}");
        signed_in(&won[0]);
    }
}

fn expired(database: &Database) {
    let mut app = database.app();
    for (kind, door) in DOORS {
        let token = token(database, kind, ANN);
        superuser(
            database,
            "update auth.one_time_tokens set expires_at = clock_timestamp() where used_at is null",
        );
        let before = state(database);
        assert_refused(&door(&mut app, &token), "TOKEN_EXPIRED");
        assert_eq!(state(database), before);
        superuser(
            database,
            "update auth.one_time_tokens set expires_at = now() + interval '9 s' where used_at is null",
        );
        signed_in(&door(&mut app, &token));
    }
    // How long each lives.
    for (kind, setting, seconds) in [
        ("password_reset", "password_reset_expiry", 120),
        ("magic_link", "magic_link_expiry", 180),
        ("email_otp", "magic_link_expiry", 180),
    ] {
        configure(database, setting, &format!("{seconds}s"));
        super::ask(&mut app, kind, "bob@example.com");
        let left = newest(
            database,
            "round(extract(epoch from expires_at - created_at))",
        );
        assert_eq!(left, Some(seconds.to_string()), "{kind}");
    }
    configure(database, "magic_link_expiry", "1h");
    super::ask(&mut app, "email_otp", "bob@example.com");
    let left = newest(
        database,
        "round(extract(epoch from expires_at - created_at))",
    );
    assert_eq!(left.as_deref(), Some("600"), "a code that can be typed");
}

fn foreign_kind(database: &Database) {
    proven(database);
    let mut app = database.app();
    let doors: [(&str, Door); 5] = [
        ("password_reset", |client, token| reset(client, token, NEW)),
        ("magic_link", by_link),
        ("confirm_email", |client, token| {
            act(client, "auth.confirm_email($1)", &[&token])
        }),
        ("password_reset", |client, token| {
            act(client, "auth.check_password_reset($1)", &[&token])
        }),
        ("refresh", |client, token| {
            act(client, "auth.refresh($1)", &[&token])
        }),
    ];
    let tokens: Vec<_> = ["password_reset", "magic_link"]
        .map(|kind| (kind, token(database, kind, ANN)))
        .into_iter()
        .chain([
            ("access", database.fixture.ann.token.clone()),
            ("refresh", database.fixture.ann.refresh.clone()),
            ("key", database.fixture.service_key.clone()),
        ])
        .collect();
    super::ask(&mut app, "confirm_email", "bob@example.com");
    let confirmation = crate::acts::mailed(database, "confirm_email");
    let before = state(database);
    for (kind, token) in tokens.iter().chain([&("confirm_email", confirmation)]) {
        for (door, show) in &doors {
            if door == kind {
                continue;
            }
            assert_refused(&show(&mut app, token), "INVALID_TOKEN");
        }
        if *kind != "access" && *kind != "refresh" && *kind != "key" {
            assert_ne!(enters(&mut app, token), Ok(()), "{kind}");
        }
    }
    assert_eq!(state(database), before);
    for (kind, door) in DOORS.iter().rev() {
        let (_, token) = tokens.iter().find(|(of, _)| of == kind).expect("asked for");
        signed_in(&door(&mut app, token));
    }
}

fn garbage(database: &Database) {
    let mut app = database.app();
    let token = token(database, "magic_link", ANN);
    let before = state(database);
    let upper = token.to_uppercase();
    for (wrong, code) in [
        ("", "MISSING_REQUIRED_FIELD"),
        ("x", "INVALID_TOKEN"),
        (&token[1..], "INVALID_TOKEN"),
        (&format!("{token}="), "INVALID_TOKEN"),
        (&format!(" {token}"), "INVALID_TOKEN"),
        (&upper, "INVALID_TOKEN"),
        ("' or true --", "INVALID_TOKEN"),
        ("\\x00", "INVALID_TOKEN"),
        (&"x".repeat(1_000_000), "INVALID_TOKEN"),
    ] {
        for (_, door) in DOORS {
            assert_refused(&door(&mut app, wrong), code);
        }
    }
    for call in [
        "auth.reset_password(null, null)",
        "auth.reset_password('x', null)",
        "auth.reset_password(null, 'x')",
        "auth.sign_in_with_magic_link(null)",
        "auth.check_password_reset(null)",
        "auth.confirm_email(null)",
        "auth.sign_in_with_email_code(null, '1')",
        "auth.sign_in_with_email_code('ann@example.com', null)",
    ] {
        assert_refused(&act(&mut app, call, &[]), "MISSING_REQUIRED_FIELD");
    }
    assert_eq!(state(database), before);
    signed_in(&by_link(&mut app, &token));
}

fn weak(database: &Database) {
    let mut app = database.app();
    let token = token(database, "password_reset", ANN);
    let before = state(database);
    for weak in [
        "",
        "short",
        "correct-horse-7-battery",
        "Password1234!",
        "Ann@example.com7",
        &"Aa1!".repeat(100),
    ] {
        let refused = reset(&mut app, &token, weak);
        assert_refused(&refused, "WEAK_PASSWORD");
        assert!(
            weak.is_empty() || !refused.to_string().contains(weak),
            "{refused}"
        );
    }
    assert_eq!(state(database), before);
    signed_in(&reset(&mut app, &token, NEW));
}

fn looking(database: &Database) {
    let mut app = database.app();
    let token = token(database, "password_reset", ANN);
    let before = state(database);
    for _ in 0..3 {
        assert_eq!(
            act(&mut app, "auth.check_password_reset($1)", &[&token]),
            json!({"valid": true, "message": "Choose a new password"})
        );
    }
    assert_eq!(state(database), before);
    signed_in(&reset(&mut app, &token, NEW));
    let used = act(&mut app, "auth.check_password_reset($1)", &[&token]);
    assert_refused(&used, "TOKEN_USED");
}

fn nobodys(database: &Database) {
    let mut app = database.app();
    for (kind, door) in DOORS {
        let token = token(database, kind, ANN);
        superuser(
            database,
            "update auth.users set disabled_at = now() where email = 'ann@example.com'",
        );
        let before = state(database);
        assert_refused(&door(&mut app, &token), "TOKEN_USED");
        assert_eq!(state(database), before);
        // Nor afterwards: what was mailed before is void, what is mailed then is good.
        superuser(database, "update auth.users set disabled_at = null");
        assert_refused(&door(&mut app, &token), "TOKEN_USED");
        super::a_minute_later(database);
        let newer = super::token(database, kind, ANN);
        signed_in(&door(&mut app, &newer));
        let bobs = super::token(database, kind, "bob@example.com");
        let mut gone = database.superuser();
        gone.batch_execute("begin; delete from auth.users where email = 'bob@example.com'")
            .expect("deleted");
        let refused = act(
            &mut gone,
            &match kind {
                "magic_link" => format!("auth.sign_in_with_magic_link('{bobs}')"),
                _ => format!("auth.reset_password('{bobs}', '{NEW}')"),
            },
            &[],
        );
        assert_refused(&refused, "INVALID_TOKEN");
    }
}

fn rolled_back(database: &Database) {
    let mut app = database.app();
    let token = token(database, "password_reset", ANN);
    let before = state(database);
    let mut lost = app.transaction().expect("begun");
    lost.query_one("select auth.reset_password($1, $2)", &[&token, &NEW])
        .expect("a reply");
    lost.rollback().expect("rolled back");
    assert_eq!(state(database), before);
    assert_unchanged(database);
    signed_in(&reset(&mut app, &token, NEW));
}

fn unlocks(database: &Database) {
    let mut app = database.app();
    for _ in 0..6 {
        sign_in(&mut app, ANN, "Wrong-Horse-7-Battery");
    }
    assert_refused(&sign_in(&mut app, ANN, PASSWORD), "INVALID_CREDENTIALS");
    let token = token(database, "password_reset", ANN);
    signed_in(&reset(&mut app, &token, NEW));
    signed_in(&sign_in(&mut app, ANN, NEW));
}

fn switched_off(database: &Database) {
    let mut app = database.app();
    let link = token(database, "magic_link", ANN);
    let code = token(database, "email_otp", ANN);
    configure(database, "magic_link_enabled", "false");
    let before = state(database);
    for reply in [
        super::ask(&mut app, "magic_link", ANN),
        super::ask(&mut app, "email_otp", ANN),
        by_link(&mut app, &link),
        super::by_code(&mut app, ANN, &code),
    ] {
        assert_refused(&reply, "FEATURE_DISABLED");
    }
    assert_eq!(state(database), before);
    let token = token(database, "password_reset", ANN);
    signed_in(&reset(&mut app, &token, NEW));
}

/// Whoever had an administrator's account may still act as one of the users.
fn impersonating(database: &Database) {
    let mut app = database.app();
    superuser(
        database,
        "update auth.users set role = 'admin' where email = 'bob@example.com'",
    );
    let bob = signed_in(&sign_in(&mut app, "bob@example.com", PASSWORD));
    let ann = &database.fixture.ann;
    let acting = crate::acts::act_as(
        &mut app,
        &bob.token,
        "auth.impersonate($1::text::uuid, 'a reason')",
        &[&ann.id],
    );
    let acting = Account::from_reply(&acting);
    assert_eq!(enters(&mut app, &acting.token), Ok(()));
    let token = token(database, "password_reset", "bob@example.com");
    signed_in(&reset(&mut app, &token, NEW));
    assert_eq!(enters(&mut app, &acting.token), Err("FX003".to_owned()));
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
}
