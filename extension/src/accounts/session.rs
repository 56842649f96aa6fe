//! Sessions and their tokens: opened by a sign-in, prolonged by `auth.refresh`.

use super::{Stop, ip_of, outcome, refused, told};
use crate::error::{Failure, or_raise};
use crate::owner;
use crate::signing_keys::signing_key;
use crate::stored::{self, Stored};
use fluxbase_rules::issue::{self, Common, Subject};
use fluxbase_rules::rotation::{self, Decision, Session};
use fluxbase_rules::{UnixSeconds, UnverifiedToken, token::fingerprint, uuid};
use pgrx::prelude::*;
use pgrx::{JsonB, Uuid};
use serde_json::{Value, json};

pub struct User {
    id: [u8; 16],
    role: String,
    user_metadata: String,
    app_metadata: String,
    object: Value,
}

pub fn first_user(rows: pgrx::spi::SpiTupleTable<'_>) -> Result<Option<User>, Failure> {
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let text =
        |place| -> Result<String, Failure> { Ok(row.get::<String>(place)?.unwrap_or_default()) };
    Ok(Some(User {
        id: row
            .get::<Uuid>(1)?
            .map(|id| *id.as_bytes())
            .unwrap_or_default(),
        role: text(2)?,
        user_metadata: text(3)?,
        app_metadata: text(4)?,
        object: row
            .get::<JsonB>(5)?
            .map(|object| object.0)
            .unwrap_or_default(),
    }))
}

/// A session's tokens, and the reply that carries them.
struct Issued {
    refresh_hash: [u8; 32],
    session_ends: UnixSeconds,
    reply: Value,
}

fn issue(stored: &Stored, session_id: [u8; 16], email: &str, user: &User) -> Result<Issued, Stop> {
    let settings = &stored.settings;
    let now = owner::now();
    let subject = Subject {
        user_id: user.id,
        session_id,
        email,
        role: &user.role,
        is_anonymous: false,
        impersonated_by: None,
    };
    let common = |lifetime_seconds| -> Result<Common<'_>, Failure> {
        Ok(Common {
            issuer: &settings.jwt_issuer,
            audience: &settings.jwt_audience,
            token_id: uuid::v4(owner::random()?),
            now,
            lifetime_seconds,
        })
    };
    let access = issue::access_payload(
        &common(settings.access_token_seconds)?,
        &subject,
        &user.user_metadata,
        &user.app_metadata,
    )
    .map_err(|error| refused("VALIDATION_FAILED", error.to_string()))?;
    let refresh = issue::refresh_payload(&common(settings.refresh_token_seconds)?, &subject)
        .map_err(|error| Failure::broken(error.to_string()))?;
    let key = signing_key()?;
    let sign = |payload: &str| {
        key.sign(payload)
            .map_err(|error| Failure::broken(error.to_string()))
    };
    let (access, refresh) = (sign(&access)?, sign(&refresh)?);
    Ok(Issued {
        refresh_hash: sha256(&refresh)?,
        session_ends: now + settings.refresh_token_seconds,
        reply: json!({
            "user": user.object,
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": settings.access_token_seconds,
            "token_type": "bearer",
        }),
    })
}

fn sha256(token: &str) -> Result<[u8; 32], Failure> {
    fingerprint(token).ok_or_else(|| Failure::broken("SHA-256 failed"))
}

/// Opens a session and returns the token reply.
pub fn open_session(
    stored: &Stored,
    email: &str,
    user: &User,
    context: Option<JsonB>,
) -> Result<Value, Stop> {
    let session_id = uuid::v4(owner::random()?);
    let issued = issue(stored, session_id, email, user)?;
    Spi::connect_mut(|client| {
        client.update(
            "insert into auth.sessions (id, user_id, refresh_token_hash, expires_at, ip, user_agent) \
             values ($1, $2, $3, pg_catalog.to_timestamp($4), $5::inet, pg_catalog.left($6, 512))",
            None,
            &[
                Uuid::from_bytes(session_id).into(),
                Uuid::from_bytes(user.id).into(),
                issued.refresh_hash.to_vec().into(),
                (issued.session_ends as f64).into(),
                ip_of(context.as_ref()).map(|ip| ip.to_string()).into(),
                told(context.as_ref(), "user_agent").into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(issued.reply)
}

#[pg_extern]
fn refresh(refresh_token: Option<&str>) -> JsonB {
    JsonB(or_raise(outcome(try_refresh(refresh_token))))
}

/// Malformed, forged, expired, used before, of a session that is over: one answer.
fn bad_token() -> Stop {
    refused("INVALID_TOKEN", "Invalid or expired refresh token")
}

fn try_refresh(refresh_token: Option<&str>) -> Result<Value, Stop> {
    stored::catch_up();
    let stored = stored::stored()?;
    let token = refresh_token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| refused("MISSING_REQUIRED_FIELD", "refresh_token is required"))?;
    let signed = UnverifiedToken::parse(token)
        .and_then(|token| token.verify(&stored.keys))
        .map_err(|_| bad_token())?;
    let now = owner::now();
    let claims = signed
        .judge_refresh(now, &stored.expected)
        .map_err(|_| bad_token())?;
    let (Some(session_id), Some(user_id)) = (claims.session_id, claims.sub) else {
        return Err(bad_token());
    };
    let (session_id, user_id) = (Uuid::from_bytes(session_id), Uuid::from_bytes(user_id));
    let session = lock_session(session_id, user_id)?;
    match rotation::decide(&sha256(token)?, session.as_ref(), now) {
        Decision::Rotate => {}
        Decision::Over => return Err(bad_token()),
        Decision::Reused => {
            pgrx::log!(
                "a refresh token of session {session_id} was used again; the session is ended"
            );
            end_session(session_id)?;
            return Err(bad_token());
        }
    }
    // Read anew: role, address and metadata may have changed since the last token.
    let user = Spi::connect(|client| {
        first_user(client.select(
            "select u.id, u.role, u.user_metadata::text, u.app_metadata::text, auth.user_object(u) \
             from auth.users u where u.id = $1",
            Some(1),
            &[user_id.into()],
        )?)
    })?
    .ok_or_else(bad_token)?;
    let email = user.object.get("email").and_then(Value::as_str);
    let issued = issue(
        &stored,
        *session_id.as_bytes(),
        email.unwrap_or_default(),
        &user,
    )?;
    Spi::connect_mut(|client| {
        client.update(
            "update auth.sessions set refresh_token_hash = $2, expires_at = pg_catalog.to_timestamp($3) where id = $1",
            None,
            &[
                session_id.into(),
                issued.refresh_hash.to_vec().into(),
                (issued.session_ends as f64).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(issued.reply)
}

/// The session, locked: of two refreshes the second waits, and then sees what the first left.
fn lock_session(session_id: Uuid, user_id: Uuid) -> Result<Option<Session>, Failure> {
    Spi::connect_mut(|client| {
        let rows = client.update(
            "select s.refresh_token_hash, s.expires_at from auth.sessions s \
             where s.id = $1 and s.user_id = $2 for update",
            Some(1),
            &[session_id.into(), user_id.into()],
        )?;
        if rows.is_empty() {
            return Ok(None);
        }
        let row = rows.first();
        let current = row.get::<Vec<u8>>(1)?.unwrap_or_default();
        let ends = row.get::<TimestampWithTimeZone>(2)?;
        Ok(Some(Session {
            current: current
                .try_into()
                .map_err(|_| Failure::broken("a stored token hash has not 32 bytes"))?,
            expires_at: ends.map_or(0, |at| owner::unix_seconds(at.into_inner())),
        }))
    })
}

fn end_session(session_id: Uuid) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            "delete from auth.sessions where id = $1",
            None,
            &[session_id.into()],
        )?;
        Ok(())
    })
}
