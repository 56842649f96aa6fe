//! An address is confirmed: at sign-up, after a change, by an invitation.

use super::mailed_token::{invalid_link, shown};
use super::user::{self, User};
use super::{Context, Stop, answer, missing, outbox, refused};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::{audit, stored};
use fluxbase_rules::email;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

#[pg_extern]
fn request_email_confirmation(email: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_request(email, &Context::read(context)))
}

fn try_request(email: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let email = email.ok_or_else(|| missing("email"))?;
    let email = email::normalize(email)
        .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
    let lifetime = stored.settings.email_confirmation_seconds;
    outbox::queue_for_address("confirm_email", email.as_str(), lifetime)?;
    audit::success("auth.confirmation_requested", None, context, json!({}))?;
    Ok(json!({"message": "If the address needs to be confirmed, a mail is on its way"}))
}

#[pg_extern]
fn confirm_email(token: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_confirm(token, &Context::read(context)))
}

fn try_confirm(token: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    const KINDS: &[(&str, &str)] = &[
        ("confirm_email", "auth.email_confirmed"),
        ("email_change", "auth.email_changed"),
    ];
    let row = shown(token, KINDS, context)?;
    let user = row.user(context)?;
    row.use_up()?;
    let email = row.email.as_deref().unwrap_or_default();
    if row.kind == "email_change" {
        change_address(&user, email, true, context)?;
    } else if user.email.as_deref() == Some(email) {
        super::recovery_link::confirm_address(user.id)?;
        audit::success("auth.email_confirmed", Some(user.id), context, json!({}))?;
    } else {
        audit::failure(row.event, "address_changed", Some(user.id), context)?;
        return Err(invalid_link());
    }
    let user = user::by_id(user.id)?.ok_or_else(|| Failure::broken("the user is gone"))?;
    Ok(json!({"message": "The e-mail address is confirmed", "user": user.object}))
}

/// Gives the user another address; the old one is told.
pub fn change_address(
    user: &User,
    email: &str,
    verified: bool,
    context: &Context,
) -> Result<(), Stop> {
    let changed = Spi::connect_mut(|client| {
        // Not left to the unique constraint: its error would end the transaction.
        let rows = client.update(
            // An anonymous user with an address that answers, or with a password to it, is a permanent one.
            "update auth.users u set email = $2, email_verified = $3, \
               is_anonymous = u.is_anonymous and not $3 and u.password_hash is null \
             where u.id = $1 and not exists (select from auth.users o where o.email = $2 and o.id <> $1) returning 1",
            None,
            &[
                Uuid::from_bytes(user.id).into(),
                email.into(),
                verified.into(),
            ],
        )?;
        let changed = !rows.is_empty();
        if changed {
            // What was mailed to the old address would let in whoever reads it.
            outbox::void(client, user, outbox::Void::AllLinks)?;
        }
        Ok::<_, Failure>(changed)
    })?;
    if !changed {
        return Err(refused(
            "VALIDATION_FAILED",
            "This e-mail address cannot be used",
        ));
    }
    outbox::notice("notice_email_changed", user)?;
    audit::success("auth.email_changed", Some(user.id), context, json!({}))?;
    Ok(())
}
