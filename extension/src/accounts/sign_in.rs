//! `auth.sign_in`, and what follows when somebody has shown who they are by whatever means: a session, or first the
//! second factor. There is one such place, so that no means leads around it.

use super::credentials::{Judged, Known, judge};
use super::session::{Opening, open_session};
use super::user::{self, User};
use super::{Context, Stop, answer, factor_challenge, outbox, refused};
use crate::jsonb::JsonB;
use crate::stored::{self, Stored};
use crate::{audit, owner};
use fluxbase_rules::email;
use pgrx::prelude::*;
use serde_json::{Value, json};

#[pg_extern]
fn sign_in(email: Option<&str>, password: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_sign_in(email, password, &Context::read(context)))
}

/// Unknown address, wrong password, locked address, disabled user: one answer.
pub fn bad_credentials() -> Stop {
    refused("INVALID_CREDENTIALS", "Invalid email or password")
}

fn try_sign_in(
    email: Option<&str>,
    password: Option<&str>,
    context: &Context,
) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    if !stored.settings.password_login_enabled {
        return Err(refused(
            "PASSWORD_LOGIN_DISABLED",
            "Signing in with a password is disabled",
        ));
    }
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
    let judged = judge(&stored, &email, password, context, || {
        Known::by_email(&email)
    });
    let user = match judged {
        // Gone or changed while the password was being checked: it is not the right one any more.
        Ok(Judged::Right {
            id,
            hash,
            replacement,
            attempt,
        }) => {
            // Locked until the session is there to be ended: hashing takes time, in which the role may be taken away or a
            // second factor set up.
            let user = user::lock_if_still(id, &hash, replacement.as_deref())?;
            attempt.succeeded()?;
            user.ok_or_else(bad_credentials)?
        }
        Ok(Judged::Wrong(reason, id)) => {
            audit::failure("auth.login", reason, id, context)?;
            return Err(bad_credentials());
        }
        Err(Stop::Refused(members)) => {
            audit::failure("auth.login", "client_locked", None, context)?;
            return Err(Stop::Refused(members));
        }
        Err(failed) => return Err(failed),
    };
    // From here on the caller knows the password, and may be told what stands in the way.
    if stored.settings.require_email_verification && !user.email_verified {
        audit::failure(
            "auth.login",
            "address_not_confirmed",
            Some(user.id),
            context,
        )?;
        return Err(refused(
            "EMAIL_NOT_VERIFIED",
            "The e-mail address has not been confirmed yet",
        ));
    }
    if let Some(reason) = must_change(&stored, &user) {
        audit::failure("auth.login", reason, Some(user.id), context)?;
        let token = outbox::hand_out("password_reset", &user, 600)?;
        return Err(refused("PASSWORD_EXPIRED", "Password expired")
            .with("password_expired", true)
            .with("reset_token", token));
    }
    go_on(&stored, &user, "password", context)
}

/// Why the password only lets its user choose another.
fn must_change(stored: &Stored, user: &User) -> Option<&'static str> {
    if user.temporary_until.is_some() {
        return Some("temporary_password");
    }
    let most = stored.settings.password_max_age_seconds?;
    (owner::now() >= user.password_changed_at.saturating_add(most)).then_some("password_expired")
}

/// Somebody has shown to be this user, by `method`: their session, unless a second factor is still to be shown.
pub fn finish(
    stored: &Stored,
    user: &User,
    method: &'static str,
    context: &Context,
) -> Result<Value, Stop> {
    // Read anew, and locked until the session is there to be ended.
    let user = &user::lock(user.id)?.ok_or_else(bad_credentials)?;
    if user.disabled {
        audit::failure("auth.login", "disabled", Some(user.id), context)?;
        return Err(bad_credentials());
    }
    go_on(stored, user, method, context)
}

/// The same for a user who is locked, was read since and is not disabled.
fn go_on(
    stored: &Stored,
    user: &User,
    method: &'static str,
    context: &Context,
) -> Result<Value, Stop> {
    if user.has_factor {
        return factor_challenge::challenge(user, method, false, context);
    }
    if must_set_up(stored, user) {
        return factor_challenge::challenge(user, method, true, context);
    }
    audit::success(
        "auth.login",
        Some(user.id),
        context,
        json!({"method": method}),
    )?;
    open_session(stored, user, Opening::by(method), context)
}

/// Whether this user may have no session without a second factor. An anonymous one could not sign in again with it.
pub fn must_set_up(stored: &Stored, user: &User) -> bool {
    let settings = &stored.settings;
    (settings.require_2fa_for_users && !user.is_anonymous)
        || (settings.require_2fa_for_admins && is_administrator(&user.role))
}

/// Whether the application role administers: those that `auth.caller_rank()` ranks above users.
pub fn is_administrator(role: &str) -> bool {
    ["admin", "dashboard_admin", "instance_admin", "service_role"].contains(&role)
}
