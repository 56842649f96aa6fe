//! Service keys (`sk_…`) and client keys (`fbk_…`): made and replaced here, entered with in `token`. The key is shown once;
//! the table keeps its SHA-256, which is enough for 256 random bits.

use super::admin::require_rank;
use super::{Context, Stop, answer, missing, outbox, proof, refused, session};
use crate::error::Failure;
use crate::identity::{self, Record};
use crate::jsonb::JsonB;
use crate::{audit, stored};
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// More is no limit.
const MOST_REQUESTS: i64 = 999_999_999;

struct Made {
    key: String,
    hash: [u8; 32],
    prefix: String,
}

fn make(kind: &str, prefix_length: usize) -> Result<Made, Failure> {
    let (random, _) = outbox::new_token()?;
    let key = format!("{kind}{random}");
    Ok(Made {
        hash: session::sha256(&key)?,
        prefix: key.chars().take(prefix_length).collect(),
        key,
    })
}

/// What a key is made with.
struct Wanted {
    name: String,
    description: Option<String>,
    scopes: Option<Vec<String>>,
    per_minute: Option<i32>,
    per_hour: Option<i32>,
    expires_at: Option<String>,
}

impl Wanted {
    fn read(options: &Value) -> Result<Self, Stop> {
        let limit = |name: &str| match options.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_i64()
                .filter(|most| (1..=MOST_REQUESTS).contains(most))
                .and_then(|most| i32::try_from(most).ok())
                .map(Some)
                .ok_or_else(|| {
                    refused(
                        "VALIDATION_FAILED",
                        format!("{name} must be a whole number from 1 to {MOST_REQUESTS}, or null"),
                    )
                }),
        };
        let text = |name: &str, most: usize| match options.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() <= most && !text.contains('\0') => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(refused(
                "VALIDATION_FAILED",
                format!("{name} must be a text of at most {most} characters"),
            )),
        };
        let scopes = match options.get("scopes") {
            None | Some(Value::Null) => None,
            Some(Value::Array(scopes)) => Some(
                scopes
                    .iter()
                    .map(|scope| {
                        scope
                            .as_str()
                            .and_then(fluxbase_rules::scopes::canonical)
                            .ok_or_else(|| {
                                refused(
                                    "VALIDATION_FAILED",
                                    format!(
                                        "scopes: accepted are {}",
                                        fluxbase_rules::scopes::ALL.join(", ")
                                    ),
                                )
                            })
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            Some(_) => return Err(refused("VALIDATION_FAILED", "scopes must be a list")),
        };
        if scopes.as_ref().is_some_and(Vec::is_empty) {
            return Err(refused(
                "VALIDATION_FAILED",
                "scopes must name one at least",
            ));
        }
        let expires_at = text("expires_at", 64)?;
        if let Some(moment) = &expires_at
            && !is_to_come(moment)?
        {
            return Err(refused(
                "VALIDATION_FAILED",
                "expires_at must be a moment that is still to come",
            ));
        }
        Ok(Self {
            name: text("name", 255)?
                .filter(|name| !name.is_empty())
                .ok_or_else(|| missing("name"))?,
            description: text("description", 2000)?,
            per_minute: limit("rate_limit_per_minute")?,
            per_hour: limit("rate_limit_per_hour")?,
            scopes,
            expires_at,
        })
    }
}

fn is_to_come(moment: &str) -> Result<bool, Failure> {
    Ok(Spi::get_one_with_args::<bool>(
        "select auth.moment($1) > pg_catalog.clock_timestamp()",
        &[moment.into()],
    )?
    .unwrap_or(false))
}

fn me() -> Option<Uuid> {
    identity::current()
        .and_then(Record::sub)
        .map(Uuid::from_bytes)
}

/// One that leaks must not be able to leave others behind.
fn require_no_key(message: &str) -> Result<(), Stop> {
    if identity::current().is_some_and(|who| who.sub().is_none()) {
        return Err(refused("INSUFFICIENT_PERMISSIONS", message));
    }
    Ok(())
}

#[pg_extern]
fn create_service_key(options: Option<JsonB>, context: Option<JsonB>) -> JsonB {
    answer(try_service_key(
        &options.map(|options| options.0).unwrap_or_default(),
        &Context::read(context),
    ))
}

fn try_service_key(options: &Value, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    // Whoever holds such a key is service_role.
    require_rank("service_role")?;
    require_no_key("A key cannot make keys")?;
    let wanted = Wanted::read(options)?;
    proof::try_sensitive(context)?;
    let made = make("sk_", 16)?;
    let scopes = wanted.scopes.unwrap_or_else(|| vec!["*".to_owned()]);
    let object = Spi::get_one_with_args::<JsonB>(
        "insert into auth.service_keys as k (name, description, key_hash, key_prefix, scopes, expires_at, created_by, \
           rate_limit_per_minute, rate_limit_per_hour) \
         values ($1, $2, $3, $4, $5, $6::timestamptz, (select u.id from auth.users u where u.id = $7), $8, $9) \
         returning auth.service_key_object(k)",
        &[
            wanted.name.as_str().into(),
            wanted.description.as_deref().into(),
            made.hash.to_vec().into(),
            made.prefix.as_str().into(),
            scopes.into(),
            wanted.expires_at.as_deref().into(),
            me().into(),
            wanted.per_minute.into(),
            wanted.per_hour.into(),
        ],
    )?;
    let object = object.map(|object| object.0).unwrap_or_default();
    audit::success(
        "admin.service_key_create",
        None,
        context,
        json!({"key": object.get("id")}),
    )?;
    Ok(shown_once(object, made.key))
}

/// The key's object with the key itself beside it.
fn shown_once(object: Value, key: String) -> Value {
    match object {
        Value::Object(mut members) => {
            members.insert("key".to_owned(), key.into());
            Value::Object(members)
        }
        other => other,
    }
}

#[pg_extern]
fn rotate_service_key(id: Option<Uuid>, context: Option<JsonB>) -> JsonB {
    answer(try_rotate(id, &Context::read(context)))
}

/// A new key with the same name, scopes and limits; the old one stops at once (`auth.deprecate_service_key` lets it run on for a
/// while).
fn try_rotate(id: Option<Uuid>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    require_rank("service_role")?;
    require_no_key("A key cannot replace keys")?;
    proof::try_sensitive(context)?;
    let id = id.ok_or_else(|| missing("id"))?;
    let made = make("sk_", 16)?;
    let object = Spi::connect_mut(|client| {
        let rows = client.update(
            "with made as ( \
               insert into auth.service_keys as k (name, description, key_hash, key_prefix, scopes, expires_at, created_by, \
                 rate_limit_per_minute, rate_limit_per_hour) \
               select o.name, o.description, $2, $3, o.scopes, o.expires_at, (select u.id from auth.users u where u.id = $4), \
                 o.rate_limit_per_minute, o.rate_limit_per_hour \
               from auth.service_keys o where o.id = $1 and o.revoked_at is null \
               returning k.id, auth.service_key_object(k) as object), \
             replaced as ( \
               update auth.service_keys o set revoked_at = pg_catalog.now(), revoke_reason = 'rotated', replaced_by = made.id \
               from made where o.id = $1) \
             select object from made",
            None,
            &[
                id.into(),
                made.hash.to_vec().into(),
                made.prefix.as_str().into(),
                me().into(),
            ],
        )?;
        match rows.into_iter().next() {
            Some(row) => Ok::<_, Failure>(row.get::<JsonB>(1)?),
            None => Ok(None),
        }
    })?
    .ok_or_else(|| refused("NOT_FOUND", "There is no such key that is still good"))?;
    audit::success(
        "admin.service_key_rotate",
        None,
        context,
        json!({"key": id.to_string(), "by": object.0.get("id")}),
    )?;
    Ok(shown_once(object.0, made.key))
}

#[pg_extern]
fn create_client_key(options: Option<JsonB>, context: Option<JsonB>) -> JsonB {
    answer(try_client_key(
        &options.map(|options| options.0).unwrap_or_default(),
        &Context::read(context),
    ))
}

fn try_client_key(options: &Value, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:clientkeys")?;
    let stored = stored::stored()?;
    if !stored.settings.allow_user_client_keys {
        return Err(refused("FEATURE_DISABLED", "Client keys are disabled"));
    }
    // Not with a key: one that leaks must not be able to make others.
    let me = proof::me()?;
    let wanted = Wanted::read(options)?;
    let scopes = wanted.scopes.ok_or_else(|| missing("scopes"))?;
    proof::try_sensitive(context)?;
    let made = make("fbk_", 12)?;
    let object = Spi::get_one_with_args::<JsonB>(
        "insert into auth.client_keys as k (user_id, name, description, key_hash, key_prefix, scopes, expires_at, \
           rate_limit_per_minute, rate_limit_per_hour) \
         values ($1, $2, $3, $4, $5, $6, $7::timestamptz, $8, $9) returning auth.client_key_object(k)",
        &[
            Uuid::from_bytes(me.user_id).into(),
            wanted.name.as_str().into(),
            wanted.description.as_deref().into(),
            made.hash.to_vec().into(),
            made.prefix.as_str().into(),
            scopes.into(),
            wanted.expires_at.as_deref().into(),
            wanted.per_minute.into(),
            wanted.per_hour.into(),
        ],
    )?;
    let object = object.map(|object| object.0).unwrap_or_default();
    audit::success(
        "auth.client_key_create",
        Some(me.user_id),
        context,
        json!({"key": object.get("id")}),
    )?;
    let inner = object.clone();
    Ok(match shown_once(object, made.key) {
        Value::Object(mut members) => {
            members.insert("client_key".to_owned(), inner);
            Value::Object(members)
        }
        other => other,
    })
}
