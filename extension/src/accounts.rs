//! `auth.sign_up` and `auth.sign_in`; what follows from them, tokens, is in `session`.
//!
//! Declared SECURITY DEFINER with an empty search_path. They are native and not PL/pgSQL so that a password is
//! never the argument of a nested statement, where an auditing extension would write it down.
//!
//! A refusal is a value, `{"error", "code"}`, not an exception: what it writes down stays written.

mod session;

use crate::attempts::{self, Attempt};
use crate::error::{Failure, or_raise};
use crate::stored;
use crate::{hash_slots, owner};
use fluxbase_rules::email;
use fluxbase_rules::issue;
use fluxbase_rules::lockout::{self, Decision};
use fluxbase_rules::password::{self, Verdict};
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::{Value, json};
use session::{first_user, open_session};
use std::net::IpAddr;

#[pg_extern]
fn sign_up(
    email: Option<&str>,
    password: Option<&str>,
    user_metadata: Option<JsonB>,
    context: Option<JsonB>,
) -> JsonB {
    JsonB(or_raise(outcome(try_sign_up(
        email,
        password,
        user_metadata,
        context,
    ))))
}

#[pg_extern]
fn sign_in(email: Option<&str>, password: Option<&str>, context: Option<JsonB>) -> JsonB {
    JsonB(or_raise(outcome(try_sign_in(email, password, context))))
}

/// Why an act ended without its reply.
enum Stop {
    /// The caller's doing: answered.
    Refused {
        code: &'static str,
        message: String,
        /// Seconds after which trying again makes sense.
        retry_after: Option<i64>,
    },
    /// Ours: raised.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<pgrx::spi::SpiError> for Stop {
    fn from(error: pgrx::spi::SpiError) -> Self {
        Self::Failed(error.into())
    }
}

fn refused(code: &'static str, message: impl Into<String>) -> Stop {
    Stop::Refused {
        code,
        message: message.into(),
        retry_after: None,
    }
}

fn outcome(result: Result<Value, Stop>) -> Result<Value, Failure> {
    match result {
        Ok(reply) => Ok(reply),
        Err(Stop::Refused {
            code,
            message,
            retry_after,
        }) => {
            let mut refusal = json!({ "error": message, "code": code });
            if let (Some(seconds), Value::Object(members)) = (retry_after, &mut refusal) {
                members.insert("retry_after".to_owned(), seconds.into());
            }
            Ok(refusal)
        }
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Unknown address, wrong password, locked address: one answer.
fn bad_credentials() -> Stop {
    refused("INVALID_CREDENTIALS", "Invalid email or password")
}

fn try_sign_up(
    email: Option<&str>,
    password: Option<&str>,
    user_metadata: Option<JsonB>,
    context: Option<JsonB>,
) -> Result<Value, Stop> {
    stored::catch_up();
    let stored = stored::stored()?;
    if !stored.settings.signup_enabled {
        return Err(refused("SIGNUP_DISABLED", "Sign-up is disabled"));
    }
    let (Some(email), Some(password)) = (email, password) else {
        return Err(refused(
            "MISSING_REQUIRED_FIELD",
            "email and password are required",
        ));
    };
    let email = email::normalize(email)
        .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
    let metadata = user_metadata.map_or_else(|| json!({}), |metadata| metadata.0);
    if !metadata.is_object() {
        return Err(refused(
            "VALIDATION_FAILED",
            "user_metadata must be an object",
        ));
    }
    // It travels in every access token. Checked before the account exists: a refusal commits what was done.
    if jsonb_length(&metadata)? > issue::MAX_METADATA_BYTES {
        return Err(refused(
            "VALIDATION_FAILED",
            format!(
                "user_metadata is longer than {} bytes",
                issue::MAX_METADATA_BYTES
            ),
        ));
    }
    let breaches = password::check_policy(password, &stored.settings.password_policy);
    if !breaches.is_empty() {
        let rules: Vec<String> = breaches.iter().map(ToString::to_string).collect();
        return Err(refused(
            "WEAK_PASSWORD",
            format!("Password is too weak: {}", rules.join("; ")),
        ));
    }
    // Before knowing whether the address is taken: the work, and so the time, is the same.
    let params = stored.settings.password_hash;
    let slot = hash_slots::take(stored.settings.max_concurrent_hashes)?;
    let salt = owner::random()?;
    let mut memory = password::memory(params).map_err(|error| hash_failed(error.into()))?;
    let hash = password::hash(password, &salt, params, &mut memory).map_err(hash_failed)?;
    drop(memory);
    slot.hashed();

    let made = Spi::connect_mut(|client| {
        let made = client.update(
            "insert into auth.users as u (email, password_hash, user_metadata, last_sign_in_at) \
             values ($1, $2, $3, pg_catalog.now()) on conflict (email) do nothing \
             returning u.id, u.role, u.user_metadata::text, u.app_metadata::text, auth.user_object(u)",
            None,
            &[email.as_str().into(), hash.as_str().into(), JsonB(metadata).into()],
        )?;
        first_user(made)
    })?;
    // Told apart from success it must be, told why it need not.
    let user = made.ok_or_else(|| {
        refused(
            "VALIDATION_FAILED",
            "Could not sign up with this e-mail address and password",
        )
    })?;
    open_session(&stored, email.as_str(), &user, context)
}

/// Bytes of the text PostgreSQL makes of it, which is what the token will carry.
fn jsonb_length(value: &Value) -> Result<usize, Failure> {
    let length = Spi::get_one_with_args::<i32>(
        "select pg_catalog.octet_length($1::pg_catalog.text)",
        &[JsonB(value.clone()).into()],
    )?;
    Ok(length
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(usize::MAX))
}

fn try_sign_in(
    email: Option<&str>,
    password: Option<&str>,
    context: Option<JsonB>,
) -> Result<Value, Stop> {
    stored::catch_up();
    let stored = stored::stored()?;
    let (Some(email), Some(password)) = (email, password) else {
        return Err(refused(
            "MISSING_REQUIRED_FIELD",
            "email and password are required",
        ));
    };
    // An address that cannot exist is looked up like any other and hashed for like any other.
    let email = email::normalize(email)
        .map(email::Email::into_string)
        .unwrap_or_default();
    let window = stored.settings.lockout.window_seconds;
    // The slot first: what waits for one is not counted yet, so a crowd signing in at once locks nobody out.
    let slot = hash_slots::take(stored.settings.max_concurrent_hashes)?;
    let attempt = Attempt::record(&email, ip_of(context.as_ref()))?;
    let decision = lockout::decide(attempt.counted(window)?, &stored.settings.lockout);
    if decision == Decision::ClientLocked {
        slot.hashed();
        attempt.withdraw()?;
        return Err(Stop::Refused {
            code: "RATE_LIMITED",
            message: "Too many failed sign-ins; try again later".to_owned(),
            retry_after: Some(window),
        });
    }
    let known = Spi::connect(|client| {
        let known = client.select(
            "select u.password_hash from auth.users u where u.email = $1",
            Some(1),
            &[email.as_str().into()],
        )?;
        if known.is_empty() {
            Ok::<_, Failure>(None)
        } else {
            Ok(known.first().get_one::<String>()?)
        }
    })?;
    let params = stored.settings.password_hash;
    let sized_for = known
        .as_deref()
        .and_then(|hash| password::params_of(hash).ok())
        .unwrap_or(params);
    // Nobody has a longer password, and hashing ten megabytes is work for the asking.
    let presented =
        if password.chars().take(password::MAX_CHARACTERS + 1).count() > password::MAX_CHARACTERS {
            ""
        } else {
            password
        };
    let mut memory = password::memory(sized_for).map_err(|error| hash_failed(error.into()))?;
    let verdict =
        password::verify(presented, known.as_deref(), params, &mut memory).map_err(hash_failed)?;
    // Only now: a locked address costs what any other does.
    if decision == Decision::AddressLocked {
        slot.hashed();
        attempt.withdraw()?;
        return Err(bad_credentials());
    }
    let rehash = match verdict {
        Verdict::Match { rehash } => rehash,
        Verdict::Mismatch => {
            slot.hashed();
            attempts::sweep(window)?;
            return Err(bad_credentials());
        }
        Verdict::Unreadable => {
            pgrx::log!("the stored password hash of a user cannot be read; signing in is refused");
            return Err(bad_credentials());
        }
    };
    let replacement = if rehash {
        Some(
            password::hash(presented, &owner::random()?, params, &mut memory)
                .map_err(hash_failed)?,
        )
    } else {
        None
    };
    drop(memory);
    slot.hashed();
    attempt.succeeded()?;

    let user = Spi::connect_mut(|client| {
        let user = client.update(
            "update auth.users as u set last_sign_in_at = pg_catalog.now(), password_hash = coalesce($3, u.password_hash) \
             where u.email = $1 and u.password_hash = $2 \
             returning u.id, u.role, u.user_metadata::text, u.app_metadata::text, auth.user_object(u)",
            None,
            &[email.as_str().into(), known.as_deref().into(), replacement.as_deref().into()],
        )?;
        first_user(user)
    })?;
    // Gone or changed while the password was being checked: it is not the right one any more.
    open_session(&stored, &email, &user.ok_or_else(bad_credentials)?, context)
}

/// What the caller said of its own caller.
fn told<'a>(context: Option<&'a JsonB>, name: &str) -> Option<&'a str> {
    context?.0.get(name)?.as_str()
}

fn ip_of(context: Option<&JsonB>) -> Option<IpAddr> {
    told(context, "ip")?.parse().ok()
}

fn hash_failed(error: password::HashError) -> Stop {
    Stop::Failed(match error {
        password::HashError::OutOfMemory => {
            Failure::new(*b"FX009", "not enough memory to hash a password now")
        }
        password::HashError::Failed => Failure::broken("password hashing failed"),
    })
}
