//! Second factors as their users have them: an authenticator app, and backup codes that stand in for it. Set up, replaced,
//! taken away.

use super::factor_challenge::{Challenge, bad_code, close_challenge, find_challenge, method};
use super::proof::{self, Me};
use super::session::{Opening, open_session};
use super::user::{self, User};
use super::{Context, Stop, answer, missing, outbox, refused, sign_in};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::stored;
use crate::{audit, owner, sealing};
use fluxbase_rules::factor::{self, TotpSecret};
use fluxbase_rules::uuid;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// How long a setup waits for its first code.
const SETUP_SECONDS: i64 = 600;

pub fn backup_context(user_id: [u8; 16]) -> String {
    format!("backup:{}", uuid::format(&user_id))
}

fn secret_context(user_id: [u8; 16]) -> String {
    format!("totp:{}", uuid::format(&user_id))
}

/// A factor, opened.
pub struct Factor {
    pub secret: TotpSecret,
    pub last_step: Option<i64>,
}

/// The user's factor, locked: the confirmed one, or the one that waits for its first code.
pub fn read(user_id: [u8; 16], confirmed: bool) -> Result<Option<Factor>, Failure> {
    let row = Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("select f.sealed_secret, f.key_id, f.last_step from auth.totp_factors f \
             where f.user_id = $1 and (f.confirmed_at is not null) = $2 \
               and ($2 or f.created_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $3)) for update"),
            Some(1),
            &[
                Uuid::from_bytes(user_id).into(),
                confirmed.into(),
                (SETUP_SECONDS as f64).into(),
            ],
        )?;
        let Some(row) = rows.into_iter().next() else {
            return Ok::<_, Failure>(None);
        };
        Ok(Some((
            row.get::<Vec<u8>>(1)?.unwrap_or_default(),
            row.get::<String>(2)?.unwrap_or_default(),
            row.get::<i64>(3)?,
        )))
    })?;
    let Some((sealed, key, last_step)) = row else {
        return Ok(None);
    };
    let secret = sealing::by_id(&key)?
        .open(&secret_context(user_id), &sealed)
        .and_then(|plain| TotpSecret::from_slice(&plain))
        .ok_or_else(|| Failure::broken("a second factor cannot be opened with its sealing key"))?;
    Ok(Some(Factor { secret, last_step }))
}

/// Who sets up: the caller, or somebody whose sign-in waits for that.
enum Settler {
    Caller(Me),
    Challenged(Challenge),
}

impl Settler {
    fn find(context: &Context) -> Result<Self, Stop> {
        if let Some(token) = context.mfa_token.as_deref() {
            let Some(challenge) = find_challenge(None, Some(token), true, context)? else {
                audit::failure("auth.factor", "no_challenge", None, context)?;
                return Err(refused("INVALID_TOKEN", "Invalid or expired token"));
            };
            return Ok(Self::Challenged(challenge));
        }
        proof::me().map(Self::Caller)
    }

    fn user(&self) -> Result<User, Stop> {
        match self {
            Self::Caller(me) => me.user(),
            Self::Challenged(challenge) => user::lock(challenge.user_id)?
                .filter(|user| !user.disabled)
                .ok_or_else(sign_in::bad_credentials),
        }
    }
}

fn there_is_one() -> Stop {
    refused(
        "VALIDATION_FAILED",
        "A second factor is set up already; disable it first",
    )
}

#[pg_extern]
fn totp_setup(issuer: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_setup(issuer, &Context::read(context)))
}

fn try_setup(issuer: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let settler = Settler::find(context)?;
    let user = settler.user()?;
    let issuer = match issuer.filter(|issuer| !issuer.is_empty()) {
        None => stored.settings.totp_issuer.as_str(),
        Some(issuer) if issuer.chars().count() > 64 || issuer.chars().any(char::is_control) => {
            return Err(refused(
                "VALIDATION_FAILED",
                "issuer must have at most 64 characters and no control characters",
            ));
        }
        Some(issuer) => issuer,
    };
    if user.has_factor {
        return Err(there_is_one());
    }
    // Who waits with a challenge has shown the password for it.
    if let Settler::Caller(me) = &settler {
        proof::require_presence(&stored, me, &user, context)?;
    }
    let secret = TotpSecret::new(owner::random()?);
    let key = sealing::current()?;
    let sealed = key
        .seal(owner::random()?, &secret_context(user.id), secret.bytes())
        .ok_or_else(|| Failure::broken("sealing failed"))?;
    let id = Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("insert into auth.totp_factors as f (user_id, sealed_secret, key_id) values ($1, $2, $3) \
             on conflict (user_id) do update set id = pg_catalog.gen_random_uuid(), sealed_secret = excluded.sealed_secret, \
               key_id = excluded.key_id, created_at = excluded.created_at, last_step = null \
             where f.confirmed_at is null returning f.id"),
            None,
            &[
                Uuid::from_bytes(user.id).into(),
                sealed.into(),
                key.id().as_str().into(),
            ],
        )?;
        match rows.into_iter().next() {
            Some(row) => Ok::<_, Failure>(row.get::<Uuid>(1)?),
            None => Ok(None),
        }
    })?
    .ok_or_else(there_is_one)?;
    let account = user.email.clone().unwrap_or_else(|| uuid::format(&user.id));
    let uri = secret.uri(issuer, &account);
    let picture = factor::qr_png_data_uri(&uri)
        .ok_or_else(|| Failure::broken("the QR code could not be drawn"))?;
    let typed = secret.base32();
    Ok(json!({
        "id": id.to_string(), "type": "totp",
        "totp": {"qr_code": picture, "secret": typed, "uri": uri},
        "qr_code": picture, "secret": typed, "uri": uri,
    }))
}

#[pg_extern]
fn totp_enable(code: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_enable(code, &Context::read(context)))
}

fn try_enable(code: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let code = code.ok_or_else(|| missing("code"))?;
    let settler = Settler::find(context)?;
    let user = settler.user()?;
    let factor = read(user.id, false)?.ok_or_else(|| {
        refused(
            "VALIDATION_FAILED",
            "There is no second factor to enable; set one up first",
        )
    })?;
    let step = factor::matching_step(&factor.secret, code, owner::now(), None);
    let Some(step) = step else {
        audit::failure("auth.factor_enabled", "wrong_code", Some(user.id), context)?;
        return Err(bad_code());
    };
    let id = Uuid::from_bytes(user.id);
    Spi::connect_mut(|client| {
        client.update(
            Kept("update auth.totp_factors set confirmed_at = pg_catalog.clock_timestamp(), last_step = $2 where user_id = $1"),
            None,
            &[id.into(), step.into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    let codes = new_backup_codes(user.id)?;
    outbox::notice("notice_factor_changed", &user)?;
    audit::success("auth.factor_enabled", Some(user.id), context, json!({}))?;
    let mut reply = match settler {
        Settler::Caller(me) => {
            me.factor_shown()?;
            json!({})
        }
        Settler::Challenged(challenge) => {
            close_challenge(challenge.id)?;
            let user = user::by_id(user.id)?.ok_or_else(sign_in::bad_credentials)?;
            let opening = Opening {
                method: method(&challenge.method),
                second_factor: true,
            };
            open_session(&stored, &user, opening, context)?
        }
    };
    if let Value::Object(members) = &mut reply {
        members.insert("success".to_owned(), true.into());
        members.insert("backup_codes".to_owned(), json!(codes));
        members.insert(
            "message".to_owned(),
            "Keep the backup codes: they are not shown again".into(),
        );
    }
    Ok(reply)
}

/// Ten new codes in the place of all earlier ones.
fn new_backup_codes(user_id: [u8; 16]) -> Result<[String; 10], Failure> {
    let codes = factor::backup_codes(&owner::random()?);
    let key = sealing::current()?;
    Spi::connect_mut(|client| {
        let id = Uuid::from_bytes(user_id);
        client.update(
            Kept("delete from auth.backup_codes where user_id = $1"),
            None,
            &[id.into()],
        )?;
        for code in &codes {
            let normal = factor::normalize_backup_code(code)
                .ok_or_else(|| Failure::broken("a backup code is not in its own form"))?;
            let mac = key.mac(&backup_context(user_id), normal.as_bytes());
            client.update(
                Kept(
                    "insert into auth.backup_codes (user_id, code_mac, key_id) values ($1, $2, $3)",
                ),
                None,
                &[id.into(), mac.to_vec().into(), key.id().as_str().into()],
            )?;
        }
        Ok::<_, Failure>(())
    })?;
    Ok(codes)
}

#[pg_extern]
fn totp_backup_codes(context: Option<JsonB>) -> JsonB {
    answer(try_backup_codes(&Context::read(context)))
}

fn try_backup_codes(context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let me = proof::me()?;
    let user = me.user()?;
    if !user.has_factor {
        return Err(refused("VALIDATION_FAILED", "There is no second factor"));
    }
    proof::require(&stored, &me, &user, None, context)?;
    let codes = new_backup_codes(user.id)?;
    outbox::notice("notice_factor_changed", &user)?;
    audit::success("auth.backup_codes", Some(user.id), context, json!({}))?;
    Ok(json!({"backup_codes": codes, "message": "Keep the backup codes: they are not shown again"}))
}

#[pg_extern]
fn totp_disable(password: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_disable(password, &Context::read(context)))
}

fn try_disable(password: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let me = proof::me()?;
    let user = me.user()?;
    if user.password_hash.is_some() && password.is_none() {
        return Err(missing("password"));
    }
    proof::require(&stored, &me, &user, password, context)?;
    remove(user.id)?;
    outbox::notice("notice_factor_changed", &user)?;
    audit::success("auth.factor_disabled", Some(user.id), context, json!({}))?;
    Ok(json!({"success": true, "message": "The second factor is disabled"}))
}

/// Takes away a user's factor and the codes that stand in for it.
pub fn remove(user_id: [u8; 16]) -> Result<(), Failure> {
    let id = Uuid::from_bytes(user_id);
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.totp_factors where user_id = $1"),
            None,
            &[id.into()],
        )?;
        client.update(
            Kept("delete from auth.backup_codes where user_id = $1"),
            None,
            &[id.into()],
        )?;
        Ok(())
    })
}
