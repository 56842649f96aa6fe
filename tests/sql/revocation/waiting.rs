//! What would let in later ends too: links and codes that were mailed, mails that wait, sign-ins that wait for their code.

use super::Tests;
use crate::acts::{act, act_as, assert_refused, mailed, mails, superuser, text};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::totp;
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    (
        "what_was_mailed_and_what_waits_ends_with_everything",
        everything,
    ),
    ("what_was_mailed_to_one_user_ends_with_the_user", one_user),
];

/// Ways in that Ann has open: a link, a code, a reset, a mail not sent yet; and a sign-in that waits for Bob's factor.
struct Open {
    link: String,
    code: String,
    reset: String,
    challenge: String,
    secret: String,
}

impl Open {
    fn make(database: &Database) -> Self {
        let mut app = database.app();
        superuser(database, "update auth.users set email_verified = true");
        let bob = &database.fixture.bob;
        let setup = act_as(&mut app, &bob.token, "auth.totp_setup()", &[]);
        let secret = text(&setup, "secret");
        let enable = "auth.totp_enable($1)";
        act_as(&mut app, &bob.token, enable, &[&totp::code(&secret)]);
        superuser(database, "update auth.totp_factors set last_step = null");
        let challenge = act(
            &mut app,
            "auth.sign_in('bob@example.com', $1)",
            &[&PASSWORD],
        );
        let mut ask = |request: &str, kind: &str| {
            act(&mut app, &format!("auth.{request}('ann@example.com')"), &[]);
            mailed(database, kind)
        };
        let link = ask("request_magic_link", "magic_link");
        let code = ask("request_email_code", "email_otp");
        let reset = ask("request_password_reset", "password_reset");
        superuser(
            database,
            "update auth.one_time_tokens set created_at = created_at - interval '61 s'",
        );
        act(&mut app, "auth.request_magic_link('ann@example.com')", &[]);
        Self {
            link,
            code,
            reset,
            challenge: text(&challenge, "mfa_token"),
            secret,
        }
    }

    /// What Ann's answer.
    fn of_ann(&self, app: &mut Client) -> [Value; 3] {
        let code = "auth.sign_in_with_email_code('ann@example.com', $1)";
        let reset = "auth.reset_password($1, 'Another-Staple-8-Mule')";
        [
            act(app, "auth.sign_in_with_magic_link($1)", &[&self.link]),
            act(app, code, &[&self.code]),
            act(app, reset, &[&self.reset]),
        ]
    }

    fn of_bob(&self, app: &mut Client) -> Value {
        let verify = "auth.verify_factor(null, $1, $2)";
        act(app, verify, &[&totp::code(&self.secret), &self.challenge])
    }
}

#[track_caller]
fn assert_void(replies: &[Value; 3]) {
    for (reply, code) in replies
        .iter()
        .zip(["TOKEN_USED", "INVALID_CREDENTIALS", "TOKEN_USED"])
    {
        assert_refused(reply, code);
    }
}

fn everything(database: &Database) {
    let mut app = database.app();
    let mut owner = database.superuser();
    act(&mut owner, "auth.admin_create_user('cyd@example.com')", &[]);
    let invitation = mailed(database, "invitation");
    let open = Open::make(database);
    act(&mut owner, "auth.revoke_everything()", &[]);
    assert_void(&open.of_ann(&mut app));
    assert_refused(&open.of_bob(&mut app), "INVALID_CREDENTIALS");
    let accept = "auth.reset_password($1, 'Another-Staple-8-Mule')";
    assert_refused(&act(&mut app, accept, &[&invitation]), "TOKEN_USED");
    assert!(mails(database).is_empty(), "the one that waited");
    // What is asked for from now on is good.
    superuser(
        database,
        "update auth.one_time_tokens set created_at = created_at - interval '61 s'",
    );
    act(&mut app, "auth.request_magic_link('ann@example.com')", &[]);
    let link = mailed(database, "magic_link");
    let signed_in = act(&mut app, "auth.sign_in_with_magic_link($1)", &[&link]);
    Account::from_reply(&signed_in);
}

fn one_user(database: &Database) {
    let mut app = database.app();
    let mut owner = database.superuser();
    let open = Open::make(database);
    let revoke = "auth.admin_revoke_user($1::text::uuid)";
    act(&mut owner, revoke, &[&database.fixture.ann.id]);
    assert_void(&open.of_ann(&mut app));
    assert!(mails(database).is_empty(), "the one that waited");
    // Bob is somebody else, until it is he.
    let signed_in = open.of_bob(&mut app);
    Account::from_reply(&signed_in);
    superuser(database, "update auth.totp_factors set last_step = null");
    let again = act(
        &mut app,
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    );
    let waits = Open {
        challenge: text(&again, "mfa_token"),
        ..open
    };
    act(&mut owner, revoke, &[&database.fixture.bob.id]);
    assert_refused(&waits.of_bob(&mut app), "INVALID_CREDENTIALS");
    let anew = act(
        &mut app,
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    );
    let waits = Open {
        challenge: text(&anew, "mfa_token"),
        ..waits
    };
    Account::from_reply(&waits.of_bob(&mut app));
    assert_eq!(json!(mails(database)), json!([]));
}
