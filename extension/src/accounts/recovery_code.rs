//! Redeeming a code that came by mail: short enough to be guessed, so tries are counted.

use super::recovery_link::arrived;
use super::user::{self, User};
use super::{Context, Stop, answer, outbox, rate_limited, refused};
use crate::attempts::Attempt;
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::lookup::Index;
use crate::stored;
use crate::{audit, sealing};
use fluxbase_rules::email;
use fluxbase_rules::lockout::{self, Decision, Rules};
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::Value;

/// Tries at one code.
const TRIES_A_CODE: i64 = 3;

#[pg_extern]
fn sign_in_with_email_code(
    email: Option<&str>,
    code: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    answer(try_email_code(email, code, &Context::read(context)))
}

/// Wrong code, no code asked for, too many tries, unknown address: one answer.
fn bad_code() -> Stop {
    refused("INVALID_CREDENTIALS", "Invalid or expired code")
}

fn try_email_code(
    email: Option<&str>,
    code: Option<&str>,
    context: &Context,
) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    if !stored.settings.magic_link_enabled {
        return Err(refused(
            "FEATURE_DISABLED",
            "Signing in by mail is disabled",
        ));
    }
    let (Some(email), Some(code)) = (email, code) else {
        return Err(refused(
            "MISSING_REQUIRED_FIELD",
            "email and token are required",
        ));
    };
    let email = email::normalize(email)
        .map(email::Email::into_string)
        .unwrap_or_default();
    let window = stored.settings.lockout.window_seconds;
    // Counted on the address whatever code is asked for next: a new code must not bring new guesses.
    let attempt = Attempt::record(&format!("code {email}"), context.ip)?;
    let rules = Rules {
        by_email: Some(stored.settings.lockout.by_email.unwrap_or(5)),
        ..stored.settings.lockout
    };
    let decision = lockout::decide(attempt.counted(window)?, &rules);
    if decision == Decision::ClientLocked {
        attempt.withdraw()?;
        audit::failure("auth.login", "client_locked", None, context)?;
        return Err(rate_limited(
            "Too many failed sign-ins; try again later",
            window,
        ));
    }
    // Nothing is locked and no user looked for before the code is right: that would tell who was sent one.
    let sent = newest_code(&email)?;
    let digits: String = code.chars().filter(|c| *c != ' ').take(16).collect();
    let right = sealing::same(&outbox::code_hash(sent.row, &digits)?, &sent.hash);
    let reason = match sent.user_id {
        _ if decision == Decision::AddressLocked => "address_locked",
        _ if sent.tries > TRIES_A_CODE => "too_many_tries",
        Some(id) if right => match take(id, &sent)? {
            Ok(user) => {
                attempt.succeeded()?;
                return arrived(&stored, user, "email_code", context);
            }
            Err(reason) => reason,
        },
        _ => "wrong_code",
    };
    // A guess that was not judged does not count: whoever keeps trying would keep the address locked.
    attempt.refused(decision != Decision::AddressLocked, window)?;
    audit::failure("auth.login", reason, sent.user_id, context)?;
    Err(bad_code())
}

/// A code as sent.
struct Sent {
    row: Uuid,
    user_id: Option<[u8; 16]>,
    hash: Vec<u8>,
    /// At this address since then.
    tries: i64,
}

/// The newest code that is good at an address. Where there is none, one that nothing matches, after the same work.
fn newest_code(email: &str) -> Result<Sent, Failure> {
    Spi::connect(|client| {
        let rows = client.select(
            Kept("select t.id, t.user_id, t.token_hash, (select pg_catalog.count(*) from auth.login_attempts a \
               where a.email = 'code ' || $1 and a.at > coalesce(t.created_at, '-infinity')) \
             from (select 1) as one left join ( \
               select o.* from auth.one_time_tokens o where o.email = $1 and o.kind = 'email_otp' \
                 and o.token_hash is not null and o.used_at is null and o.expires_at > pg_catalog.clock_timestamp() \
               order by o.created_at desc limit 1) as t on true"),
            Some(1),
            &[email.into()],
        )?;
        let row = rows.first();
        let user_id = row.get::<Uuid>(2)?.map(|id| *id.as_bytes());
        if user_id.is_none() {
            instead_of_a_row()?;
        }
        Ok(Sent {
            row: row
                .get::<Uuid>(1)?
                .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
            user_id,
            hash: row.get::<Vec<u8>>(3)?.unwrap_or_default(),
            tries: row.get::<i64>(4)?.unwrap_or(i64::MAX),
        })
    })
}

/// Reading the row of a code takes 2 µs, and so does asking an index for what nobody has.
fn instead_of_a_row() -> Result<(), Failure> {
    const USERS: Index = Index {
        table: c"users",
        name: c"users_pkey",
    };
    if let Some(nobody) = Uuid::from_bytes([0; 16]).into_datum() {
        USERS.count(&[nobody], None, 1)?;
    }
    Ok(())
}

/// The user of a code that was right, locked, and the code used up; or why it is good for nothing.
fn take(id: [u8; 16], sent: &Sent) -> Result<Result<User, &'static str>, Failure> {
    let user = match user::lock(id)? {
        None => return Ok(Err("unknown_address")),
        Some(user) if user.disabled => return Ok(Err("disabled")),
        Some(user) => user,
    };
    let used_up = Spi::connect_mut(|client| {
        let rows = client.update(
            Kept(
                "update auth.one_time_tokens t set used_at = pg_catalog.clock_timestamp() \
             where t.id = $1 and t.token_hash = $2 and t.used_at is null returning 1",
            ),
            None,
            &[sent.row.into(), sent.hash.clone().into()],
        )?;
        Ok::<_, Failure>(!rows.is_empty())
    })?;
    // Of those who show a code at the same moment one is in time.
    Ok(if used_up { Ok(user) } else { Err("wrong_code") })
}
