//! Second factors: whoever has the password alone has nothing.

mod admins;
mod backup;
mod challenges;
mod duty;
mod guessing;
mod removed;
mod sealing;
mod sensitive;
mod setting_up;
mod signing_in;
mod ways_in;

use crate::acts::{act, act_as, superuser, text};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::totp;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (family, tests) in [
        ("factors_signing_in", signing_in::tests()),
        ("factors_challenges", challenges::tests()),
        ("factors_guessing", guessing::tests()),
        ("factors_backup", backup::tests()),
        ("factors_ways_in", ways_in::tests()),
        ("factors_sealing", sealing::tests()),
        ("factors_admins", admins::tests()),
        ("factors_sensitive", sensitive::tests()),
        ("factors_setting_up", setting_up::tests()),
        ("factors_removed", removed::tests()),
        ("factors_duty", duty::tests()),
    ] {
        for (name, body) in tests {
            let shared = Arc::clone(fixture);
            trials.push(trial(
                &fixture.cluster,
                format!("{family}::{name}"),
                move || {
                    body(&shared.database());
                },
            ));
        }
    }
    trials.extend(sealing::alone(fixture));
    trials
}

/// A name and a body.
type Test = (&'static str, fn(&Database));

/// Somebody with an authenticator app.
struct Protected {
    account: Account,
    secret: String,
    backup: Vec<String>,
}

impl Protected {
    fn code(&self) -> String {
        totp::code(&self.secret)
    }

    fn wrong_code(&self) -> String {
        totp::wrong_code(&self.secret)
    }
}

/// Lets the code that was used last be used once more; without it a test would have to wait for the next.
fn forget_last_step(database: &Database) {
    superuser(database, "update auth.totp_factors set last_step = null");
}

/// Sets up a second factor, in the session of `account`.
fn protect(database: &Database, account: &Account) -> Protected {
    let mut app = database.app();
    let setup = act_as(&mut app, &account.token, "auth.totp_setup()", &[]);
    let secret = text(&setup, "secret");
    let enabled = act_as(
        &mut app,
        &account.token,
        "auth.totp_enable($1)",
        &[&totp::code(&secret)],
    );
    assert_eq!(enabled["success"], true, "{enabled}");
    let backup: Vec<String> =
        serde_json::from_value(enabled["backup_codes"].clone()).expect("codes");
    forget_last_step(database);
    Protected {
        account: account.clone(),
        secret,
        backup,
    }
}

/// The password step, from a client's address.
fn password_step(app: &mut Client, email: &str, ip: Option<&str>) -> Value {
    let context = ip.map_or_else(|| json!({}), |ip| json!({"ip": ip}));
    act(
        app,
        "auth.sign_in($1, $2, $3)",
        &[&email, &PASSWORD, &context],
    )
}

/// Signs in as far as it goes with the password alone: the token of the challenge.
#[track_caller]
fn challenge(app: &mut Client, email: &str) -> String {
    let reply = password_step(app, email, None);
    assert_eq!(reply["requires_2fa"], true, "{reply}");
    text(&reply, "mfa_token")
}

/// The second step.
fn verify(
    app: &mut Client,
    user_id: Option<&str>,
    code: &str,
    token: Option<&str>,
    context: &Value,
) -> Value {
    act(
        app,
        "auth.verify_factor($1::text::uuid, $2, $3, $4)",
        &[&user_id, &code, &token, context],
    )
}

/// The second step with what the first gave.
fn verify_with(app: &mut Client, who: &Protected, code: &str, token: &str) -> Value {
    verify(app, Some(&who.account.id), code, Some(token), &json!({}))
}

/// No challenge, a wrong code, a used one: one answer.
fn bad() -> Value {
    json!({"error": "Invalid or expired code", "code": "INVALID_CREDENTIALS"})
}
