//! `auth.update_user`: what a user may change of the own account, and nothing else of what is sent.

use super::proof;
use super::sign_up::require_metadata;
use super::user;
use super::{Context, Stop, answer, confirmation, credentials, outbox, recovery_link, refused};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::{audit, stored};
use fluxbase_rules::email;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

#[pg_extern]
fn update_user(changes: Option<JsonB>, context: Option<JsonB>) -> JsonB {
    answer(try_update(
        changes.map(|changes| changes.0).unwrap_or_default(),
        Context::read(context),
    ))
}

fn text<'a>(changes: &'a Value, name: &str) -> Result<Option<&'a str>, Stop> {
    match changes.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text)),
        Some(_) => Err(refused(
            "VALIDATION_FAILED",
            format!("{name} must be a text"),
        )),
    }
}

fn try_update(changes: Value, mut context: Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    if !changes.is_object() {
        return Err(refused(
            "VALIDATION_FAILED",
            "the changes must be an object",
        ));
    }
    let me = proof::me()?;
    let user = me.user()?;
    let password = text(&changes, "password")?;
    let current = text(&changes, "current_password")?;
    if let Some(nonce) = text(&changes, "nonce")? {
        context.nonce = Some(nonce.chars().take(128).collect());
    }
    let metadata = changes
        .get("user_metadata")
        .filter(|value| !value.is_null());
    let email = match text(&changes, "email")? {
        None => None,
        Some(given) => {
            let email = email::normalize(given)
                .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
            Some(email.into_string()).filter(|email| Some(email) != user.email.as_ref())
        }
    };
    // Everything is checked before anything is changed: a refusal commits.
    if let Some(metadata) = metadata {
        require_metadata("user_metadata", metadata)?;
    }
    if let Some(password) = password {
        let address = email.as_deref().or(user.email.as_deref());
        credentials::require_policy(&stored, password, address)?;
    }
    if password.is_some() || email.is_some() {
        proof::require(&stored, &me, &user, current, &context)?;
    }
    // After the proof: that a password is the temporary one is not told to whoever guesses.
    let hash = match password {
        Some(password) => Some(credentials::hash_new(
            &stored,
            password,
            user.temporary_hash(),
        )?),
        None => None,
    };
    let mut pending = None;
    if let Some(email) = email {
        if stored.settings.require_email_verification {
            pending = Some(email);
        } else {
            confirmation::change_address(&user, &email, false, &context)?;
        }
    }
    if let Some(hash) = hash {
        recovery_link::set_password(&user, &hash, false, None, Some(me.session_id))?;
        outbox::notice("notice_password_changed", &user)?;
        audit::success("auth.password_changed", Some(user.id), &context, json!({}))?;
    }
    // After the password, whose change voids what was asked for before it.
    if let Some(email) = &pending {
        let lifetime = stored.settings.email_confirmation_seconds;
        outbox::queue_for_user("email_change", user.id, email, lifetime)?;
        audit::success(
            "auth.email_change_requested",
            Some(user.id),
            &context,
            json!({}),
        )?;
    }
    let id = Uuid::from_bytes(user.id);
    if let Some(metadata) = metadata {
        Spi::connect_mut(|client| {
            client.update(
                "update auth.users set user_metadata = $2 where id = $1",
                None,
                &[id.into(), JsonB(metadata.clone()).into()],
            )?;
            Ok::<_, Failure>(())
        })?;
        audit::success("auth.user_updated", Some(user.id), &context, json!({}))?;
    }
    // An anonymous user with an address and a password is a permanent one.
    Spi::connect_mut(|client| {
        client.update(
            "update auth.users set is_anonymous = false \
             where id = $1 and is_anonymous and email is not null and password_hash is not null",
            None,
            &[id.into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    let user = user::by_id(user.id)?.ok_or_else(|| Failure::broken("the user is gone"))?;
    let mut object = user.object;
    if let (Some(email), Value::Object(members)) = (pending, &mut object) {
        members.insert("new_email".to_owned(), email.into());
    }
    Ok(object)
}
