//! An address is confirmed: at sign-up, after a change, by an invitation.

use super::recovery_link::{expired_link, invalid_link, used_link};
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

struct Row {
    id: Uuid,
    user_id: Option<[u8; 16]>,
    kind: String,
    email: String,
    used: bool,
    expired: bool,
}

fn try_confirm(token: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| missing("token"))?;
    let hash = super::session::sha256(token)?;
    super::recovery_link::lock_owner(hash)?;
    let row = Spi::connect_mut(|client| {
        let rows = client.update(
            "select t.id, t.user_id, t.kind, t.email, t.used_at is not null, t.expires_at <= pg_catalog.clock_timestamp() \
             from auth.one_time_tokens t \
             where t.token_hash = $1 and t.kind in ('confirm_email', 'email_change') for update",
            Some(1),
            &[hash.to_vec().into()],
        )?;
        let Some(row) = rows.into_iter().next() else {
            return Ok::<_, Failure>(None);
        };
        Ok(Some(Row {
            id: row
                .get::<Uuid>(1)?
                .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
            user_id: row.get::<Uuid>(2)?.map(|id| *id.as_bytes()),
            kind: row.get::<String>(3)?.unwrap_or_default(),
            email: row.get::<String>(4)?.unwrap_or_default(),
            used: row.get::<bool>(5)?.unwrap_or(true),
            expired: row.get::<bool>(6)?.unwrap_or(true),
        }))
    })?;
    let row = row.ok_or_else(invalid_link)?;
    let event = match row.kind.as_str() {
        "email_change" => "auth.email_changed",
        _ => "auth.email_confirmed",
    };
    if row.used {
        audit::failure(event, "link_used", row.user_id, context)?;
        return Err(used_link());
    }
    if row.expired {
        audit::failure(event, "link_expired", row.user_id, context)?;
        return Err(expired_link());
    }
    let user = match row.user_id {
        Some(id) => user::lock(id)?,
        None => None,
    };
    let user = user.ok_or_else(invalid_link)?;
    if user.disabled {
        audit::failure(event, "disabled", Some(user.id), context)?;
        return Err(invalid_link());
    }
    Spi::connect_mut(|client| {
        client.update(
            "update auth.one_time_tokens set used_at = pg_catalog.clock_timestamp() where id = $1",
            None,
            &[row.id.into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    if row.kind == "email_change" {
        change_address(&user, &row.email, true, context)?;
    } else if user.email.as_deref() == Some(row.email.as_str()) {
        super::recovery_link::confirm_address(user.id)?;
        audit::success("auth.email_confirmed", Some(user.id), context, json!({}))?;
    } else {
        audit::failure(event, "address_changed", Some(user.id), context)?;
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
