//! Redeeming a link that came by mail: a new password, a sign-in. What a link and a mailed code prove is the same.

use super::mailed_token::shown;
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
const NEW_PASSWORD: &[(&str, &str)] = &[("password_reset", RESET), ("invitation", RESET)];
/// The event of a new password by mail.
const RESET: &str = "auth.password_reset";

#[pg_extern]
fn check_password_reset(token: Option<&str>, context: Option<JsonB>) -> JsonB {
    super::begin();
    let context = Context::read(context);
    let row = shown(token, NEW_PASSWORD, &context);
    answer(row.and_then(|row| {
        row.user(&context)?;
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
    let row = shown(token, NEW_PASSWORD, context)?;
    let user = row.user(context)?;
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
    let row = shown(token, &[("magic_link", "auth.login")], context)?;
    let user = row.user(context)?;
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
