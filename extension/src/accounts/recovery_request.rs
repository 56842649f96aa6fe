//! Asking for a mail that is a way in: a password reset, a sign-in link, a sign-in code.
//!
//! Asking answers the same, after the same work, whether or not the address is known.

use super::{Context, Stop, answer, missing, outbox, refused};
use crate::jsonb::JsonB;
use crate::{audit, stored};
use fluxbase_rules::{email, redirect};
use pgrx::prelude::*;
use serde_json::{Value, json};

/// A code that can be typed lives no longer than this.
const CODE_SECONDS: i64 = 600;

#[pg_extern]
fn request_password_reset(
    email: Option<&str>,
    redirect_to: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    answer(try_request(
        "password_reset",
        email,
        redirect_to,
        &Context::read(context),
    ))
}

#[pg_extern]
fn request_magic_link(
    email: Option<&str>,
    redirect_to: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    answer(try_request(
        "magic_link",
        email,
        redirect_to,
        &Context::read(context),
    ))
}

#[pg_extern]
fn request_email_code(email: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_request(
        "email_otp",
        email,
        None,
        &Context::read(context),
    ))
}

fn try_request(
    kind: &'static str,
    email: Option<&str>,
    redirect_to: Option<&str>,
    context: &Context,
) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let settings = &stored.settings;
    let (event, lifetime) = match kind {
        "password_reset" => (
            "auth.password_reset_requested",
            settings.password_reset_seconds,
        ),
        _ if !settings.magic_link_enabled => {
            return Err(refused(
                "FEATURE_DISABLED",
                "Signing in by mail is disabled",
            ));
        }
        "magic_link" => ("auth.magic_link_requested", settings.magic_link_seconds),
        _ => (
            "auth.email_code_requested",
            settings.magic_link_seconds.min(CODE_SECONDS),
        ),
    };
    let email = email.ok_or_else(|| missing("email"))?;
    let email = email::normalize(email)
        .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
    let redirect_to = match redirect_to.filter(|url| !url.is_empty()) {
        None => None,
        Some(url) => Some(
            redirect::allowed(url, &settings.allowed_redirects).ok_or_else(|| {
                refused(
                    "INVALID_REDIRECT_URL",
                    "redirect_to is not below one of the URLs of allowed_redirect_urls",
                )
            })?,
        ),
    };
    outbox::queue(kind, email.as_str(), redirect_to.as_deref(), lifetime)?;
    audit::success(event, None, context, json!({}))?;
    Ok(json!({"user": null, "session": null}))
}
