//! `auth.sign_up` and `auth.sign_in_anonymously`.

use super::session::{Opening, open_session};
use super::user::{self, columns};
use super::{Context, Stop, answer, credentials, factor_challenge, outbox, refused, sign_in};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::stored::{self, Stored};
use crate::{audit, owner};
use fluxbase_rules::{email, issue};
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

#[pg_extern]
fn sign_up(
    email: Option<&str>,
    password: Option<&str>,
    user_metadata: Option<JsonB>,
    context: Option<JsonB>,
) -> JsonB {
    answer(try_sign_up(
        email,
        password,
        user_metadata,
        &Context::read(context),
    ))
}

fn try_sign_up(
    email: Option<&str>,
    password: Option<&str>,
    user_metadata: Option<JsonB>,
    context: &Context,
) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    if !stored.settings.signup_enabled {
        return Err(refused("SIGNUP_DISABLED", "Sign-up is disabled"));
    }
    let (Some(email), Some(password)) = (email, password) else {
        return Err(refused(
            "MISSING_REQUIRED_FIELD",
            "email and password are required",
        ));
    };
    let email = email::normalize(email)
        .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
    let metadata = user_metadata.map_or_else(|| json!({}), |metadata| metadata.0);
    require_metadata("user_metadata", &metadata)?;
    credentials::require_policy(&stored, password, Some(email.as_str()))?;
    // Before knowing whether the address is taken: the work, and so the time, is the same.
    let hash = credentials::hash_new(&stored, password, None)?;
    let confirm = stored.settings.require_email_verification;
    let made = Spi::connect_mut(|client| {
        user::made(client.update(
            Kept(concat!(
                "insert into auth.users as u (email, password_hash, user_metadata) values ($1, $2, $3) \
                 on conflict (email) do nothing returning ",
                columns!()
            )),
            None,
            &[
                email.as_str().into(),
                hash.as_str().into(),
                JsonB(metadata.clone()).into(),
            ],
        )?)
    })?;
    if confirm {
        return pending(&stored, email.as_str(), made, metadata, context);
    }
    // Told apart from success it must be, told why it need not.
    let Some(user) = made else {
        audit::failure("auth.signup", "address_taken", None, context)?;
        return Err(refused(
            "VALIDATION_FAILED",
            "Could not sign up with this e-mail address and password",
        ));
    };
    audit::success("auth.signup", Some(user.id), context, json!({}))?;
    if sign_in::must_set_up(&stored, &user) {
        return factor_challenge::challenge(&user, "sign_up", true, context);
    }
    open_session(&stored, &user, Opening::by("sign_up"), context)
}

/// Nobody signs in before the address is confirmed, so nobody needs to learn whether it was taken: whoever reads its
/// mails is told.
fn pending(
    stored: &Stored,
    email: &str,
    made: Option<user::User>,
    metadata: Value,
    context: &Context,
) -> Result<Value, Stop> {
    let (kind, id, object) = match made {
        Some(user) => ("confirm_email", Some(user.id), user.object),
        None => ("notice_sign_up", None, imagined(email, metadata)?),
    };
    let lifetime = stored.settings.email_confirmation_seconds;
    outbox::queue_for_address(kind, email, lifetime)?;
    match id {
        Some(id) => audit::success("auth.signup", Some(id), context, json!({}))?,
        None => audit::silent_failure("auth.signup", "address_taken", context)?,
    }
    Ok(json!({
        "user": object,
        "requires_email_verification": true,
        "message": "Follow the link in the mail to confirm the address",
    }))
}

/// The answer to a sign-up with an address that is taken: that of a new user.
fn imagined(email: &str, metadata: Value) -> Result<Value, Failure> {
    let id = Uuid::from_bytes(fluxbase_rules::uuid::v4(owner::random()?));
    let object = Spi::connect(|client| {
        let rows = client.select(
            Kept("select auth.user_object(row($1, $2, null, now(), null, false, false, 'authenticated', $3, '{}', null, now(), now(), null)::auth.users)"),
            Some(1),
            &[id.into(), email.into(), JsonB(metadata).into()],
        )?;
        Ok::<_, Failure>(rows.first().get_one::<JsonB>()?)
    })?;
    Ok(object.map(|object| object.0).unwrap_or_default())
}

/// It travels in every access token, so it is checked before anything is stored.
pub fn require_metadata(name: &'static str, value: &Value) -> Result<(), Stop> {
    if !value.is_object() {
        return Err(refused(
            "VALIDATION_FAILED",
            format!("{name} must be an object"),
        ));
    }
    issue::metadata(name, &jsonb_text(value)?)
        .map(drop)
        .map_err(|error| refused("VALIDATION_FAILED", error.to_string()))
}

/// The text PostgreSQL makes of it, which is what the token will carry: 1e400 has 401 digits there.
fn jsonb_text(value: &Value) -> Result<String, Failure> {
    let text = Spi::get_one_with_args::<String>(
        "select $1::pg_catalog.text",
        &[JsonB(value.clone()).into()],
    )?;
    Ok(text.unwrap_or_default())
}

#[pg_extern]
fn sign_in_anonymously(context: Option<JsonB>) -> JsonB {
    answer(try_sign_in_anonymously(&Context::read(context)))
}

fn try_sign_in_anonymously(context: &Context) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    if !stored.settings.anonymous_enabled {
        return Err(refused(
            "ANONYMOUS_DISABLED",
            "Anonymous sign-in is disabled",
        ));
    }
    let user = Spi::connect_mut(|client| {
        user::made(client.update(
            concat!(
                "insert into auth.users as u (is_anonymous) values (true) returning ",
                columns!()
            ),
            None,
            &[],
        )?)
    })?
    .ok_or_else(|| Failure::broken("no user was made"))?;
    audit::success(
        "auth.signup",
        Some(user.id),
        context,
        json!({"anonymous": true}),
    )?;
    let reply = open_session(&stored, &user, Opening::by("anonymous"), context)?;
    Ok(match reply {
        Value::Object(mut members) => {
            members.insert("is_anonymous".to_owned(), true.into());
            Value::Object(members)
        }
        other => other,
    })
}
