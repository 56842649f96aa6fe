//! Somebody signed up with an address that is another's. When its owner comes by mail, nothing of before may be left.

use super::{ANN, NEW, Tests, ask, by_code, by_link, reset, sign_in, signed_in};
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, events, mailed, mails, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::totp;
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    (
        "whoever_signed_up_with_the_address_of_another_is_out_when_its_owner_comes",
        taken_over,
    ),
    ("a_code_by_mail_takes_over_like_a_link", by_a_code),
    ("a_reset_takes_over_like_a_link", by_a_reset),
    (
        "an_address_asked_for_before_the_owner_came_is_void",
        waiting_address,
    ),
    (
        "who_has_confirmed_the_own_address_keeps_the_password",
        confirmed,
    ),
    ("the_second_proof_of_a_mailbox_ends_nothing", second),
    (
        "with_a_second_factor_the_mailbox_alone_takes_nothing_over",
        factor,
    ),
    ("a_refused_link_takes_nothing_over", refused),
    (
        "refused_links_are_in_the_audit_where_they_were_somebodys",
        written,
    ),
];

const VICTIM: &str = "victim@example.com";

/// What the attacker has of the account.
struct Planted {
    account: Account,
    key: String,
}

/// 1. The attacker signs up with the victim's address, which nobody must confirm.
/// 2. And makes a key, to last.
fn planted(database: &Database) -> Planted {
    let mut app = database.app();
    let signed_up = act(&mut app, "auth.sign_up($1, $2)", &[&VICTIM, &PASSWORD]);
    let account = Account::from_reply(&signed_up);
    let made = act_as(
        &mut app,
        &account.token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
        &[],
    );
    let key = text(&made, "key");
    for credential in [&account.token, &key] {
        assert_eq!(enters(&mut app, credential), Ok(()));
    }
    Planted { account, key }
}

fn asked(database: &Database, kind: &str) -> String {
    ask(&mut database.app(), kind, VICTIM);
    mailed(database, kind)
}

/// Nothing the attacker has lets in.
#[track_caller]
fn assert_out(database: &Database, planted: &Planted) {
    let mut app = database.app();
    let over = Err("FX003".to_owned());
    assert_eq!(enters(&mut app, &planted.account.token), over);
    assert_eq!(enters(&mut app, &planted.key), over);
    let refreshed = act(&mut app, "auth.refresh($1)", &[&planted.account.refresh]);
    assert_refused(&refreshed, "INVALID_TOKEN");
    assert_refused(&sign_in(&mut app, VICTIM, PASSWORD), "INVALID_CREDENTIALS");
}

#[track_caller]
fn assert_owner(database: &Database, reply: &Value, planted: &Planted) -> Account {
    let owner = signed_in(reply);
    assert_eq!(owner.id, planted.account.id);
    assert_eq!(reply["user"]["email_verified"], true);
    assert_eq!(enters(&mut database.app(), &owner.token), Ok(()));
    owner
}

fn taken_over(database: &Database) {
    let mut app = database.app();
    let attacker = planted(database);
    let link = asked(database, "magic_link");
    let owner = assert_owner(database, &by_link(&mut app, &link), &attacker);
    assert_out(database, &attacker);
    let told = mails(database);
    assert_eq!(
        (told.len(), &told[0]["kind"], &told[0]["to"]),
        (1, &json!("notice_password_removed"), &json!(VICTIM))
    );
    assert_eq!(events(database, "auth.email_confirmed"), ["success"]);
    // The owner chooses a password: the sign-in of just now is the proof.
    let changes = json!({"password": NEW});
    let user = act_as(&mut app, &owner.token, "auth.update_user($1)", &[&changes]);
    assert_eq!(user["email"], VICTIM, "{user}");
    signed_in(&sign_in(&mut app, VICTIM, NEW));
    // Others are not concerned.
    for other in [&database.fixture.ann, &database.fixture.bob] {
        assert_eq!(enters(&mut app, &other.token), Ok(()));
    }
}

fn by_a_code(database: &Database) {
    let attacker = planted(database);
    let code = asked(database, "email_otp");
    let reply = by_code(&mut database.app(), VICTIM, &code);
    assert_owner(database, &reply, &attacker);
    assert_out(database, &attacker);
    assert_eq!(mails(database)[0]["kind"], "notice_password_removed");
}

fn by_a_reset(database: &Database) {
    let attacker = planted(database);
    let token = asked(database, "password_reset");
    let reply = reset(&mut database.app(), &token, NEW);
    assert_owner(database, &reply, &attacker);
    assert_out(database, &attacker);
    signed_in(&sign_in(&mut database.app(), VICTIM, NEW));
}

/// The attacker has asked for an address of the own, and waits.
fn waiting_address(database: &Database) {
    let mut app = database.app();
    let attacker = planted(database);
    configure(database, "require_email_verification", "true");
    let changes = json!({"email": "attacker@example.com", "current_password": PASSWORD});
    let call = "auth.update_user($1)";
    act_as(&mut app, &attacker.account.token, call, &[&changes]);
    let change = mailed(database, "email_change");
    let link = asked(database, "magic_link");
    assert_owner(database, &by_link(&mut app, &link), &attacker);
    assert_refused(
        &act(&mut app, "auth.confirm_email($1)", &[&change]),
        "TOKEN_USED",
    );
    let address = format!(
        "select count(*) from auth.users where id = '{}' and email = '{VICTIM}'",
        attacker.account.id
    );
    assert_eq!(count(database, &address), 1);
}

/// The link of the confirmation is the answer to a sign-up: who follows it has asked for the account.
fn confirmed(database: &Database) {
    let mut app = database.app();
    let owner = planted(database);
    let token = {
        act(&mut app, "auth.request_email_confirmation($1)", &[&VICTIM]);
        mailed(database, "confirm_email")
    };
    let reply = act(&mut app, "auth.confirm_email($1)", &[&token]);
    assert_eq!(reply["user"]["email_verified"], true, "{reply}");
    let link = asked(database, "magic_link");
    signed_in(&by_link(&mut app, &link));
    for credential in [&owner.account.token, &owner.key] {
        assert_eq!(enters(&mut app, credential), Ok(()));
    }
    signed_in(&sign_in(&mut app, VICTIM, PASSWORD));
    assert!(mails(database).is_empty());
}

fn second(database: &Database) {
    let mut app = database.app();
    let attacker = planted(database);
    let link = asked(database, "magic_link");
    let owner = assert_owner(database, &by_link(&mut app, &link), &attacker);
    let changes = json!({"password": NEW});
    act_as(&mut app, &owner.token, "auth.update_user($1)", &[&changes]);
    mails(database);
    super::a_minute_later(database);
    let link = asked(database, "magic_link");
    signed_in(&by_link(&mut app, &link));
    assert_eq!(enters(&mut app, &owner.token), Ok(()));
    signed_in(&sign_in(&mut app, VICTIM, NEW));
    assert!(mails(database).is_empty());
}

/// The mailbox must not lead around a factor, so it takes nothing over either: neither from its owner nor from a stranger.
fn factor(database: &Database) {
    let mut app = database.app();
    let there = planted(database);
    let setup = act_as(&mut app, &there.account.token, "auth.totp_setup()", &[]);
    let secret = text(&setup, "secret");
    let enable = "auth.totp_enable($1)";
    act_as(
        &mut app,
        &there.account.token,
        enable,
        &[&totp::code(&secret)],
    );
    superuser(database, "update auth.totp_factors set last_step = null");
    mails(database);
    let link = asked(database, "magic_link");
    let waits = by_link(&mut app, &link);
    assert_eq!(waits["requires_2fa"], true, "{waits}");
    let verified =
        format!("select count(*) from auth.users where email_verified and email = '{VICTIM}'");
    assert_eq!(count(database, &verified), 0);
    for credential in [&there.account.token, &there.key] {
        assert_eq!(enters(&mut app, credential), Ok(()));
    }
    assert!(mails(database).is_empty());
    // Who shows the factor too is who set it up: the address is confirmed, and nothing goes.
    let verify = "auth.verify_factor(null, $1, $2)";
    let token = text(&waits, "mfa_token");
    let shown = act(&mut app, verify, &[&totp::code(&secret), &token]);
    assert_eq!(shown["user"]["email_verified"], true, "{shown}");
    signed_in(&shown);
    assert_eq!(count(database, &verified), 1);
    assert_eq!(events(database, "auth.email_confirmed"), ["success"]);
    for credential in [&there.account.token, &there.key] {
        assert_eq!(enters(&mut app, credential), Ok(()));
    }
}

fn refused(database: &Database) {
    let mut app = database.app();
    let attacker = planted(database);
    let link = asked(database, "magic_link");
    let still_in = |app: &mut Client| {
        for credential in [&attacker.account.token, &attacker.key] {
            assert_eq!(enters(app, credential), Ok(()));
        }
    };
    assert_refused(&by_link(&mut app, "x"), "INVALID_TOKEN");
    configure(database, "magic_link_enabled", "false");
    assert_refused(&by_link(&mut app, &link), "FEATURE_DISABLED");
    configure(database, "magic_link_enabled", "true");
    still_in(&mut app);
    // Nor one that is rolled back.
    let mut lost = app.transaction().expect("begun");
    lost.query_one("select auth.sign_in_with_magic_link($1)", &[&link])
        .expect("a reply");
    lost.rollback().expect("rolled back");
    still_in(&mut app);
    assert!(mails(database).is_empty());
    assert_owner(database, &by_link(&mut app, &link), &attacker);
    assert_out(database, &attacker);
}

/// A link that is shown again, or too late, is somebody who found a mail.
fn written(database: &Database) {
    let mut app = database.app();
    let written = |event: &str| events(database, event);
    for (kind, event) in [
        ("magic_link", "auth.login"),
        ("password_reset", "auth.password_reset"),
    ] {
        let show = |app: &mut Client, token: &str| match kind {
            "magic_link" => by_link(app, token),
            _ => reset(app, token, NEW),
        };
        let before = written(event).len();
        super::a_minute_later(database);
        let used = super::token(database, kind, ANN);
        signed_in(&show(&mut app, &used));
        let after = written(event).len();
        assert_refused(&show(&mut app, &used), "TOKEN_USED");
        super::a_minute_later(database);
        let late = super::token(database, kind, ANN);
        superuser(
            database,
            "update auth.one_time_tokens set expires_at = clock_timestamp()",
        );
        assert_refused(&show(&mut app, &late), "TOKEN_EXPIRED");
        superuser(
            database,
            "update auth.one_time_tokens set expires_at = now() + interval '1 hour'; \
             update auth.users set disabled_at = now() where email = 'ann@example.com'",
        );
        assert_refused(&show(&mut app, &late), "TOKEN_USED");
        superuser(database, "update auth.users set disabled_at = null");
        // Nobody's: whoever sends random ones fills no table.
        assert_refused(&show(&mut app, &"A".repeat(43)), "INVALID_TOKEN");
        assert!(after > before);
        assert_eq!(
            written(event)[after..],
            [
                "failure link_used",
                "failure link_expired",
                "failure link_used"
            ],
            "{kind}"
        );
    }
    let whose = format!(
        "select count(*) from audit.events where reason in ('link_used', 'link_expired') and user_id = '{}'",
        database.fixture.ann.id
    );
    assert_eq!(count(database, &whose), 6);
    // No rollback takes it back.
    super::a_minute_later(database);
    let used = super::token(database, "magic_link", ANN);
    signed_in(&by_link(&mut app, &used));
    let before = written("auth.login").len();
    let mut lost = app.transaction().expect("begun");
    lost.query_one("select auth.sign_in_with_magic_link($1)", &[&used])
        .expect("a reply");
    lost.rollback().expect("rolled back");
    assert_eq!(written("auth.login")[before..], ["failure link_used"]);
}
