//! A second factor is asked for.
//!
//! Between a right password (or link) and the first token there is a challenge, which is bound to the user and the client,
//! and no session. Wrong codes are counted like wrong passwords, by their own count. What a factor is, and how it comes to be
//! there, is in `factor_setup`.

use super::factor_setup::{self, backup_context};
use super::session::{self, Opening, open_session};
use super::user::{self, User};
use super::{Context, Stop, answer, missing, outbox, rate_limited, recovery_link, refused};
use crate::attempts::{self, Attempt};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::stored;
use crate::{audit, owner, sealing};
use fluxbase_rules::factor;
use fluxbase_rules::lockout::{self, Decision, Rules};
use fluxbase_rules::uuid;
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// How long a challenge waits for its code.
const CHALLENGE_SECONDS: i64 = 300;
/// Wrong codes for one user, and how long each counts.
const TRIES: u64 = 5;
const WINDOW_SECONDS: i64 = 900;

/// What a challenge's token begins with: it stands where an access token stands.
pub const CHALLENGE_PREFIX: &str = "mfa_";

/// The reply of a sign-in that is not finished.
pub fn challenge(
    user: &User,
    method: &'static str,
    for_setup: bool,
    context: &Context,
) -> Result<Value, Stop> {
    let (token, _) = outbox::new_token()?;
    let token = format!("{CHALLENGE_PREFIX}{token}");
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.challenges c where c.ctid = any (array( \
               select o.ctid from auth.challenges o where o.expires_at < pg_catalog.now() limit 4 for update skip locked))"),
            None,
            &[],
        )?;
        client.update(
            Kept("insert into auth.challenges (user_id, token_hash, method, for_setup, ip, expires_at) \
             values ($1, $2, $3, $4, $5::inet, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $6))"),
            None,
            &[
                Uuid::from_bytes(user.id).into(),
                session::sha256(&token)?.to_vec().into(),
                method.into(),
                for_setup.into(),
                context.ip.map(|ip| ip.to_string()).into(),
                (CHALLENGE_SECONDS as f64).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    audit::success(
        "auth.factor_asked",
        Some(user.id),
        context,
        json!({"method": method, "setup": for_setup}),
    )?;
    let user_id = uuid::format(&user.id);
    Ok(if for_setup {
        json!({
            "requires_2fa_setup": true, "user_id": user_id, "mfa_token": token,
            "access_token": token, "token_type": "bearer", "expires_in": CHALLENGE_SECONDS,
            "message": "Set up a second factor with this token; it is good for nothing else",
        })
    } else {
        json!({
            "requires_2fa": true, "user_id": user_id, "mfa_token": token,
            "message": "Enter the code of your authenticator app",
        })
    })
}

/// A live challenge, locked.
pub struct Challenge {
    pub id: Uuid,
    pub user_id: [u8; 16],
    pub method: String,
}

/// Finds the challenge by its token, or, for clients that do not send it back, the newest one of that user from the
/// same client. An address that is known on both sides must be the same one. The user is locked with it, and first.
pub fn find_challenge(
    user_id: Option<[u8; 16]>,
    token: Option<&str>,
    for_setup: bool,
    context: &Context,
) -> Result<Option<Challenge>, Failure> {
    let hash = match token.filter(|token| !token.is_empty()) {
        Some(token) => Some(session::sha256(token)?.to_vec()),
        None => None,
    };
    if user_id.is_none() && hash.is_none() {
        return Ok(None);
    }
    let ip = context.ip.map(|ip| ip.to_string());
    let given = |user_id: Option<[u8; 16]>| -> [DatumWithOid<'_>; 4] {
        [
            user_id.map(Uuid::from_bytes).into(),
            hash.clone().into(),
            for_setup.into(),
            ip.clone().into(),
        ]
    };
    macro_rules! the_newest {
        ($columns:literal, $lock:literal) => {
            concat!(
                "select ",
                $columns,
                " from auth.challenges c \
                 where ($1::uuid is null or c.user_id = $1) and ($2::bytea is null or c.token_hash = $2) \
                   and c.for_setup = $3 and c.expires_at > pg_catalog.clock_timestamp() and c.ip is not distinct from $4::inet \
                 order by c.created_at desc limit 1",
                $lock
            )
        };
    }
    let whose = Spi::connect(|client| {
        let query = Kept(the_newest!("c.user_id", ""));
        let rows = client.select(query, Some(1), &given(user_id))?;
        match rows.into_iter().next() {
            Some(row) => Ok::<_, Failure>(row.get::<Uuid>(1)?),
            None => Ok(None),
        }
    })?;
    let Some(whose) = whose.map(|id| *id.as_bytes()) else {
        return Ok(None);
    };
    user::hold(&[whose])?;
    Spi::connect_mut(|client| {
        let query = Kept(the_newest!("c.id, c.method", " for update"));
        let rows = client.update(query, Some(1), &given(Some(whose)))?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(Challenge {
            id: row
                .get::<Uuid>(1)?
                .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
            user_id: whose,
            method: row.get::<String>(2)?.unwrap_or_default(),
        }))
    })
}

pub fn close_challenge(id: Uuid) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.challenges where id = $1"),
            None,
            &[id.into()],
        )?;
        Ok(())
    })
}

/// No challenge, somebody else's, an expired one, a wrong code, a used one: one answer.
pub fn bad_code() -> Stop {
    refused("INVALID_CREDENTIALS", "Invalid or expired code")
}

#[pg_extern]
fn verify_factor(
    user_id: Option<Uuid>,
    code: Option<&str>,
    mfa_token: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    let mut context = Context::read(context);
    if let Some(token) = mfa_token {
        context.mfa_token = Some(token.chars().take(128).collect());
    }
    answer(try_verify(user_id, code, &context))
}

fn try_verify(user_id: Option<Uuid>, code: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let code = code.ok_or_else(|| missing("code"))?;
    let user_id = user_id.map(|id| *id.as_bytes());
    if user_id.is_none() && context.mfa_token.is_none() {
        return Err(missing("user_id"));
    }
    let token = context.mfa_token.as_deref();
    let Some(challenge) = find_challenge(user_id, token, false, context)? else {
        audit::failure("auth.factor", "no_challenge", None, context)?;
        return Err(bad_code());
    };
    let Some(user) = user::lock(challenge.user_id)?.filter(|user| !user.disabled) else {
        let of = Some(challenge.user_id);
        audit::failure("auth.factor", "disabled", of, context)?;
        return Err(bad_code());
    };
    require_code(&user, code, context)?;
    close_challenge(challenge.id)?;
    let opening = Opening {
        method: method(&challenge.method),
        second_factor: true,
    };
    let user = match opening.method {
        // A mail was answered, and by whoever has the factor.
        "magic_link" | "email_code" if !user.email_verified => {
            recovery_link::confirm_address(user.id)?;
            audit::success(
                "auth.email_confirmed",
                Some(user.id),
                context,
                json!({"method": opening.method}),
            )?;
            user::by_id(user.id)?.ok_or_else(bad_code)?
        }
        _ => user,
    };
    audit::success(
        "auth.login",
        Some(user.id),
        context,
        json!({"method": challenge.method, "second_factor": true}),
    )?;
    open_session(&stored, &user, opening, context)
}

/// The method of a challenge as written down by `challenge`.
pub fn method(stored: &str) -> &'static str {
    [
        "password",
        "magic_link",
        "email_code",
        "password_reset",
        "sign_up",
    ]
    .into_iter()
    .find(|known| *known == stored)
    .unwrap_or("password")
}

/// Counts, then judges a code of this user.
pub fn require_code(user: &User, code: &str, context: &Context) -> Result<(), Stop> {
    let attempt = Attempt::record(&format!("factor {}", uuid::format(&user.id)), context.ip)?;
    let rules = Rules {
        by_email: Some(TRIES),
        // From one client, at whosever account: as for passwords.
        by_ip: stored::stored()?.settings.lockout.by_ip,
        window_seconds: WINDOW_SECONDS,
    };
    let counted = attempt.counted(WINDOW_SECONDS)?;
    if lockout::decide(counted, &rules) != Decision::Judge {
        attempt.withdraw()?;
        audit::failure("auth.factor", "locked", Some(user.id), context)?;
        return Err(rate_limited(
            "Too many wrong codes; try again later",
            WINDOW_SECONDS,
        ));
    }
    if accepts(user.id, code)? {
        attempt.succeeded()?;
        return Ok(());
    }
    attempts::sweep(WINDOW_SECONDS.max(stored::stored()?.settings.lockout.window_seconds))?;
    if lockout::locks(counted, &rules)
        && let Some(email) = &user.email
    {
        outbox::warn("notice_factor_locked", email)?;
    }
    audit::failure("auth.factor", "wrong_code", Some(user.id), context)?;
    Err(bad_code())
}

/// Whether this is a code of the user's app, of a step not used yet, or an unused backup code; it is used up by this.
fn accepts(user_id: [u8; 16], code: &str) -> Result<bool, Failure> {
    let factor = factor_setup::read(user_id, true)?;
    if let Some(factor) = &factor
        && let Some(step) =
            factor::matching_step(&factor.secret, code, owner::now(), factor.last_step)
    {
        // The row is locked since it was read: of two who show one code the second sees the step as used.
        Spi::connect_mut(|client| {
            client.update(
                Kept("update auth.totp_factors set last_step = $2 where user_id = $1"),
                None,
                &[Uuid::from_bytes(user_id).into(), step.into()],
            )?;
            Ok::<_, Failure>(())
        })?;
        return Ok(true);
    }
    let (Some(_), Some(code)) = (factor, factor::normalize_backup_code(code)) else {
        return Ok(false);
    };
    let keys = Spi::connect(|client| {
        let mut keys = Vec::new();
        for row in client.select(
            Kept("select distinct b.key_id from auth.backup_codes b where b.user_id = $1 and b.used_at is null"),
            None,
            &[Uuid::from_bytes(user_id).into()],
        )? {
            keys.extend(row.get::<String>(1)?);
        }
        Ok::<_, Failure>(keys)
    })?;
    for key in keys {
        let mac = sealing::by_id(&key)?.mac(&backup_context(user_id), code.as_bytes());
        let used = Spi::connect_mut(|client| {
            let rows = client.update(
                Kept(
                    "update auth.backup_codes set used_at = pg_catalog.clock_timestamp() \
                 where user_id = $1 and code_mac = $2 and used_at is null returning 1",
                ),
                None,
                &[Uuid::from_bytes(user_id).into(), mac.to_vec().into()],
            )?;
            Ok::<_, Failure>(!rows.is_empty())
        })?;
        if used {
            return Ok(true);
        }
    }
    Ok(false)
}
