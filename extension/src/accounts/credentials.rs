//! A password as judged, and a new one as hashed.

use super::{Context, Stop, outbox, rate_limited, refused};
use crate::attempts::{self, Attempt};
use crate::error::Failure;
use crate::stored::Stored;
use crate::{aside, breached, hash_slots, owner};
use fluxbase_rules::lockout::{self, Decision};
use fluxbase_rules::password::{self, Verdict};

/// What came of a password.
pub enum Judged {
    /// It was right, and may have been hashed anew.
    Right {
        /// The user it was looked up for.
        user: super::user::User,
        /// A hash with the current parameters, to be stored.
        replacement: Option<String>,
    },
    /// It was not, or was not looked at; the reason is for the audit, with the user if there is one.
    Wrong(&'static str, Option<[u8; 16]>),
}

/// Judges a password for `email`. What is done, and so how long it takes, does not depend on whether `look_up` finds
/// anybody, and every try is counted before it is judged.
pub fn judge(
    stored: &Stored,
    email: &str,
    presented: &str,
    context: &Context,
    look_up: impl FnOnce() -> Result<Option<super::user::User>, Failure>,
) -> Result<Judged, Stop> {
    let window = stored.settings.lockout.window_seconds;
    // The slot first: what waits for one is not counted yet, so a crowd signing in at once locks nobody out.
    let slot = hash_slots::take(stored.settings.max_concurrent_hashes)?;
    let attempt = Attempt::record(email, context.ip)?;
    let counted = attempt.counted(window)?;
    let decision = lockout::decide(counted, &stored.settings.lockout);
    if decision == Decision::ClientLocked {
        slot.hashed();
        attempt.withdraw()?;
        return Err(rate_limited(
            "Too many failed sign-ins; try again later",
            window,
        ));
    }
    let user = look_up()?;
    let known = user.as_ref().and_then(|user| user.password_hash.as_deref());
    let params = stored.settings.password_hash;
    let sized_for = known
        .and_then(|hash| password::params_of(hash).ok())
        .unwrap_or(params);
    // Nobody has a longer password, and hashing ten megabytes is work for the asking.
    let presented = if presented.chars().take(password::MAX_CHARACTERS + 1).count()
        > password::MAX_CHARACTERS
    {
        ""
    } else {
        presented
    };
    let mut memory = password::memory(sized_for).map_err(|error| hash_failed(error.into()))?;
    let verdict = aside::compute(|| password::verify(presented, known, params, &mut memory))?
        .map_err(hash_failed)?;
    // Only now: a locked address costs what any other does.
    let id = user.as_ref().map(|user| user.id);
    if decision == Decision::AddressLocked {
        slot.hashed();
        attempt.withdraw()?;
        return Ok(Judged::Wrong("address_locked", id));
    }
    let (user, rehash) = match (verdict, user) {
        (Verdict::Match { rehash }, Some(user)) if !has_run_out(&user) => (user, rehash),
        (Verdict::Unreadable, _) => {
            pgrx::log!("the stored password hash of a user cannot be read; signing in is refused");
            return Ok(Judged::Wrong("unreadable_hash", id));
        }
        (verdict, user) => {
            slot.hashed();
            attempts::sweep(window)?;
            if lockout::locks(counted, &stored.settings.lockout) {
                outbox::warn("notice_sign_in_locked", email)?;
            }
            let reason = match &user {
                None => "unknown_address",
                Some(user) if user.password_hash.is_none() => "no_password",
                Some(_) if verdict != Verdict::Mismatch => "temporary_password_expired",
                Some(_) => "wrong_password",
            };
            return Ok(Judged::Wrong(reason, id));
        }
    };
    let replacement = if rehash {
        let salt = owner::random()?;
        Some(
            aside::compute(|| password::hash(presented, &salt, params, &mut memory))?
                .map_err(hash_failed)?,
        )
    } else {
        None
    };
    drop(memory);
    slot.hashed();
    attempt.succeeded()?;
    Ok(Judged::Right { user, replacement })
}

/// Whether it is a temporary password whose time is over: as good as a wrong one.
fn has_run_out(user: &super::user::User) -> bool {
    user.temporary_until
        .is_some_and(|until| owner::now() >= until)
}

/// Refuses a new password that breaks the policy: the one place, for every way to set one.
pub fn require_policy(stored: &Stored, password: &str, email: Option<&str>) -> Result<(), Stop> {
    let settings = &stored.settings;
    let words = &settings.password_forbidden_words;
    let breaches = password::check_new(password, &settings.password_policy, email, words);
    let mut rules: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    if rules.is_empty() && breached::contains(password)? {
        rules.push("it is on a list of breached passwords".to_owned());
    }
    if rules.is_empty() {
        return Ok(());
    }
    Err(refused(
        "WEAK_PASSWORD",
        format!("Password is too weak: {}", rules.join("; ")),
    ))
}

/// Hashes a new password that the policy allows. `unlike` is the hash of a temporary one, which must not become the
/// lasting one.
pub fn hash_new(stored: &Stored, password: &str, unlike: Option<&str>) -> Result<String, Stop> {
    let params = stored.settings.password_hash;
    let slot = hash_slots::take(stored.settings.max_concurrent_hashes)?;
    let salt = owner::random()?;
    let mut memory = password::memory(params).map_err(|error| hash_failed(error.into()))?;
    if unlike.is_some()
        && let Verdict::Match { .. } =
            aside::compute(|| password::verify(password, unlike, params, &mut memory))?
                .map_err(hash_failed)?
    {
        slot.hashed();
        return Err(refused(
            "WEAK_PASSWORD",
            "Password is too weak: it must not be the temporary one",
        ));
    }
    let hash = aside::compute(|| password::hash(password, &salt, params, &mut memory))?
        .map_err(hash_failed)?;
    drop(memory);
    slot.hashed();
    Ok(hash)
}

fn hash_failed(error: password::HashError) -> Stop {
    Stop::Failed(match error {
        password::HashError::OutOfMemory => {
            Failure::new(*b"FX009", "not enough memory to hash a password now")
        }
        password::HashError::Failed => Failure::broken("password hashing failed"),
    })
}
