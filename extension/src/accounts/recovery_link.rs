//! Redeeming a link that came by mail: a new password, a sign-in. What a link and a mailed code prove is the same.

use super::session::end_sessions_of;
use super::sign_in::finish;
use super::user::{self, User};
use super::{Context, Stop, answer, claimed, credentials, missing, outbox, refused};
use crate::audit;
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::stored::{self, Stored};
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// What a new password can be chosen with: an invitation is a reset for somebody who has none yet.
const NEW_PASSWORD: [&str; 2] = ["password_reset", "invitation"];
/// The event of a new password by mail.
const RESET: &str = "auth.password_reset";

/// A row whose token was shown.
struct Shown {
    id: Uuid,
    user_id: Option<[u8; 16]>,
    used: bool,
    expired: bool,
    /// It came by mail, and was not handed to somebody who showed a password.
    mailed: bool,
}

/// The row of a token, locked: of two who show it at once one is too late.
///
/// A refusal is written down as a failed `event` where the token was somebody's. One that never was cannot be guessed, and
/// whoever sends random ones could fill the audit with them.
fn shown(
    token: Option<&str>,
    kinds: &[&str],
    event: &str,
    context: &Context,
) -> Result<Shown, Stop> {
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| missing("token"))?;
    let hash = super::session::sha256(token)?;
    lock_owner(hash)?;
    let found = Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("select t.id, t.user_id, t.used_at is not null, t.expires_at <= pg_catalog.clock_timestamp(), t.mail_attempts > 0 \
             from auth.one_time_tokens t where t.token_hash = $1 and t.kind = any ($2) for update"),
            Some(1),
            &[hash.to_vec().into(), kinds.to_vec().into()],
        )?;
        let Some(row) = rows.into_iter().next() else {
            return Ok::<_, Failure>(None);
        };
        Ok(Some(Shown {
            id: row
                .get::<Uuid>(1)?
                .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
            user_id: row.get::<Uuid>(2)?.map(|id| *id.as_bytes()),
            used: row.get::<bool>(3)?.unwrap_or(true),
            expired: row.get::<bool>(4)?.unwrap_or(true),
            mailed: row.get::<bool>(5)?.unwrap_or(false),
        }))
    })?;
    let Some(row) = found else {
        return Err(invalid_link());
    };
    let (reason, refusal) = if row.used {
        ("link_used", used_link())
    } else if row.expired {
        ("link_expired", expired_link())
    } else {
        return Ok(row);
    };
    audit::failure(event, reason, row.user_id, context)?;
    Err(refusal)
}

pub fn invalid_link() -> Stop {
    refused("INVALID_TOKEN", "This link is not valid")
}

pub fn used_link() -> Stop {
    refused("TOKEN_USED", "This link has been used already")
}

pub fn expired_link() -> Stop {
    refused("TOKEN_EXPIRED", "This link has expired")
}

/// Locks the user a token is of: two different links of one user, shown at once, would otherwise wait for each other.
pub fn lock_owner(token_hash: [u8; 32]) -> Result<(), Failure> {
    let owner = Spi::connect(|client| {
        let rows = client.select(
            Kept("select t.user_id from auth.one_time_tokens t where t.token_hash = $1"),
            Some(1),
            &[token_hash.to_vec().into()],
        )?;
        match rows.into_iter().next() {
            Some(row) => Ok::<_, Failure>(row.get::<Uuid>(1)?),
            None => Ok(None),
        }
    })?;
    if let Some(owner) = owner {
        user::lock(*owner.as_bytes())?;
    }
    Ok(())
}

impl Shown {
    fn user(&self, event: &str, context: &Context) -> Result<User, Stop> {
        let user = match self.user_id {
            Some(id) => user::lock(id)?,
            None => None,
        };
        let user = user.ok_or_else(invalid_link)?;
        if user.disabled {
            audit::failure(event, "disabled", Some(user.id), context)?;
            return Err(invalid_link());
        }
        Ok(user)
    }

    fn use_up(&self) -> Result<(), Failure> {
        use_up(self.id)
    }
}

fn use_up(row: Uuid) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("update auth.one_time_tokens set used_at = pg_catalog.clock_timestamp() where id = $1"),
            None,
            &[row.into()],
        )?;
        Ok(())
    })
}

#[pg_extern]
fn check_password_reset(token: Option<&str>, context: Option<JsonB>) -> JsonB {
    super::begin();
    let context = Context::read(context);
    let row = shown(token, &NEW_PASSWORD, RESET, &context);
    answer(row.and_then(|row| {
        row.user(RESET, &context)?;
        Ok(json!({"valid": true, "message": "Choose a new password"}))
    }))
}

#[pg_extern]
fn reset_password(
    token: Option<&str>,
    new_password: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    answer(try_reset(token, new_password, &Context::read(context)))
}

fn try_reset(
    token: Option<&str>,
    new_password: Option<&str>,
    context: &Context,
) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let password = new_password.ok_or_else(|| missing("new_password"))?;
    let row = shown(token, &NEW_PASSWORD, RESET, context)?;
    let user = row.user(RESET, context)?;
    // A password the policy refuses costs nobody the link.
    credentials::require_policy(&stored, password, user.email.as_deref())?;
    let hash = credentials::hash_new(&stored, password, user.temporary_hash())?;
    row.use_up()?;
    // Whoever took the account over, or only the machine it was left open on, is out.
    set_password(&user, &hash, row.mailed, None, None)?;
    if row.mailed && !user.email_verified {
        claimed::revoke_keys(user.id)?;
    }
    outbox::notice("notice_password_changed", &user)?;
    audit::success(RESET, Some(user.id), context, json!({}))?;
    let user = user::by_id(user.id)?.ok_or_else(|| Failure::broken("the user is gone"))?;
    finish(&stored, &user, "password_reset", context)
}

/// Stores a new hash; what was handed out under the old password is void, and every session but one has ended. One that is
/// not the user's own choice lasts so many seconds.
pub fn set_password(
    user: &User,
    hash: &str,
    address_shown: bool,
    temporary_seconds: Option<i64>,
    this_session: Option<[u8; 16]>,
) -> Result<(), Failure> {
    let id = Uuid::from_bytes(user.id);
    // Before the nonces, which go with them.
    end_sessions_of(user.id, this_session)?;
    Spi::connect_mut(|client| {
        client.update(
            Kept(
                "update auth.users set password_hash = $2, password_changed_at = pg_catalog.clock_timestamp(), \
                   password_temporary_until = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $4), \
                   email_verified = email_verified or $3 where id = $1",
            ),
            None,
            &[
                id.into(),
                hash.into(),
                address_shown.into(),
                temporary_seconds.map(|seconds| seconds as f64).into(),
            ],
        )?;
        // Also an address that somebody who knew the old password wants the account to have.
        outbox::void(client, user, outbox::Void::WaysIn)?;
        client.update(
            Kept("delete from auth.challenges where user_id = $1"),
            None,
            &[id.into()],
        )?;
        client.update(
            Kept("delete from auth.nonces where user_id = $1"),
            None,
            &[id.into()],
        )?;
        // The count of wrong passwords was about the old one.
        client.update(
            Kept("delete from auth.login_attempts a where a.ctid = any (array( \
               select o.ctid from auth.login_attempts o where o.email = $1 for update skip locked))"),
            None,
            &[user.email.as_deref().into()],
        )?;
        Ok(())
    })
}

#[pg_extern]
fn sign_in_with_magic_link(token: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_magic_link(token, &Context::read(context)))
}

fn try_magic_link(token: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    if !stored.settings.magic_link_enabled {
        return Err(refused(
            "FEATURE_DISABLED",
            "Signing in by mail is disabled",
        ));
    }
    let row = shown(token, &["magic_link"], "auth.login", context)?;
    let user = row.user("auth.login", context)?;
    row.use_up()?;
    arrived(&stored, user, "magic_link", context)
}

/// A mail was answered: the address is the user's, and if nobody had shown that before, nothing else stays.
pub fn arrived(
    stored: &Stored,
    user: User,
    method: &'static str,
    context: &Context,
) -> Result<Value, Stop> {
    // With a factor that is still to be shown nothing is proven yet, see `factor_challenge::try_verify`.
    if !user.email_verified && !user.has_factor {
        claimed::by_mail(&user, method, context)?;
    }
    let user = user::by_id(user.id)?.ok_or_else(|| Failure::broken("the user is gone"))?;
    finish(stored, &user, method, context)
}

pub fn confirm_address(user_id: [u8; 16]) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("update auth.users set email_verified = true where id = $1"),
            None,
            &[Uuid::from_bytes(user_id).into()],
        )?;
        Ok(())
    })
}
