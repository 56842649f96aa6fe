//! A password as judged, and a new one as hashed.

use super::{Context, Stop, outbox, rate_limited, refused};
use crate::attempts::Attempt;
use crate::error::Failure;
use crate::kept::Kept;
use crate::stored::Stored;
use crate::{breached, hash_slots, hashing, owner};
use fluxbase_rules::UnixSeconds;
use fluxbase_rules::lockout::{self, Decision};
use fluxbase_rules::password::{self, Verdict};
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;

/// What of a user a password is judged by. No more: whatever is read of users and not of addresses that nobody has
/// takes time that tells the one from the other.
pub struct Known {
    pub id: [u8; 16],
    /// Absent for who has no password.
    pub hash: Option<String>,
    pub disabled: bool,
    /// Until when a temporary password counts; absent for a lasting one.
    pub temporary_until: Option<UnixSeconds>,
}

impl Known {
    pub fn by_email(email: &str) -> Result<Option<Self>, Failure> {
        Self::read(
            Kept(
                "select u.id, u.password_hash, u.disabled_at is not null, u.password_temporary_until from auth.users u where u.email = $1",
            ),
            email.into(),
        )
    }

    pub fn by_id(id: [u8; 16]) -> Result<Option<Self>, Failure> {
        Self::read(
            Kept(
                "select u.id, u.password_hash, u.disabled_at is not null, u.password_temporary_until from auth.users u where u.id = $1",
            ),
            Uuid::from_bytes(id).into(),
        )
    }

    fn read(query: Kept, value: DatumWithOid<'_>) -> Result<Option<Self>, Failure> {
        Spi::connect(|client| {
            let rows = client.select(query, Some(1), &[value])?;
            let Some(row) = rows.into_iter().next() else {
                return Ok(None);
            };
            Ok(Some(Self {
                id: row
                    .get::<Uuid>(1)?
                    .map(|id| *id.as_bytes())
                    .unwrap_or_default(),
                hash: row.get::<String>(2)?,
                disabled: row.get::<bool>(3)?.unwrap_or(true),
                temporary_until: row
                    .get::<TimestampWithTimeZone>(4)?
                    .map(|at| owner::unix_seconds(at.into_inner())),
            }))
        })
    }
}

/// What came of a password.
pub enum Judged {
    /// It was right, and may have been hashed anew.
    Right {
        /// Whose it is.
        id: [u8; 16],
        /// What it was compared with.
        hash: String,
        /// A hash with the current parameters, to be stored.
        replacement: Option<String>,
        /// Counted so far. Whoever takes it for a success holds the user before: counts come after users.
        attempt: Attempt,
    },
    /// It was not, or was not looked at; the reason is for the audit, with the user if there is one.
    Wrong(&'static str, Option<[u8; 16]>),
}

/// Judges a password for `email`. What is done, and so how long it takes, does not depend on whether `look_up` finds
/// anybody or why the password is refused, and every try is counted before it is judged.
pub fn judge(
    stored: &Stored,
    email: &str,
    presented: &str,
    context: &Context,
    look_up: impl FnOnce() -> Result<Option<Known>, Failure>,
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
    let known = look_up()?;
    let hash = known.as_ref().and_then(|known| known.hash.as_deref());
    let params = stored.settings.password_hash;
    // Nobody has a longer password, and hashing ten megabytes is work for the asking.
    let presented = if presented.chars().take(password::MAX_CHARACTERS + 1).count()
        > password::MAX_CHARACTERS
    {
        ""
    } else {
        presented
    };
    let verdict = hashing::verify(presented, hash, params)?;
    // Only now: what is refused for another reason than the password costs the same.
    let (id, hash, rehash) = match (decision, verdict, known) {
        (
            Decision::Judge,
            Verdict::Match { rehash },
            Some(Known {
                id,
                hash: Some(hash),
                disabled: false,
                temporary_until,
            }),
        ) if !has_run_out(temporary_until) => (id, hash, rehash),
        (_, verdict, known) => {
            slot.hashed();
            let judged = decision == Decision::Judge;
            attempt.refused(judged, window)?;
            if judged && lockout::locks(counted, &stored.settings.lockout) {
                outbox::warn("notice_sign_in_locked", email)?;
            }
            return Ok(Judged::Wrong(
                reason(judged, verdict, known.as_ref()),
                known.map(|known| known.id),
            ));
        }
    };
    let replacement = if rehash {
        let salt = owner::random()?;
        Some(hashing::hash(presented, &salt, params)?)
    } else {
        None
    };
    slot.hashed();
    Ok(Judged::Right {
        id,
        hash,
        replacement,
        attempt,
    })
}

fn reason(judged: bool, verdict: Verdict, known: Option<&Known>) -> &'static str {
    match known {
        _ if !judged => "address_locked",
        _ if verdict == Verdict::Unreadable => {
            pgrx::log!("the stored password hash of a user cannot be read; signing in is refused");
            "unreadable_hash"
        }
        None => "unknown_address",
        Some(known) if known.hash.is_none() => "no_password",
        Some(_) if verdict == Verdict::Mismatch => "wrong_password",
        // It was right; not even who knows it is told.
        Some(known) if known.disabled => "disabled",
        Some(_) => "temporary_password_expired",
    }
}

/// Whether it is a temporary password whose time is over: as good as a wrong one.
fn has_run_out(temporary_until: Option<UnixSeconds>) -> bool {
    temporary_until.is_some_and(|until| owner::now() >= until)
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
    if unlike.is_some()
        && let Verdict::Match { .. } = hashing::verify(password, unlike, params)?
    {
        slot.hashed();
        return Err(refused(
            "WEAK_PASSWORD",
            "Password is too weak: it must not be the temporary one",
        ));
    }
    let hash = hashing::hash(password, &salt, params)?;
    slot.hashed();
    Ok(hash)
}
