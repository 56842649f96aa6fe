//! Sessions and their tokens: opened by a sign-in, prolonged by `auth.refresh`.

use super::user::{self, User};
use super::{Context, Stop, answer, missing, refused, replaced, sign_in};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::lookup::{Bound, Index};
use crate::signing_keys::signing_key;
use crate::stored::{self, Stored};
use crate::{audit, owner};
use fluxbase_rules::issue::{self, Common, Subject};
use fluxbase_rules::rotation::{self, Decision};
use fluxbase_rules::{UnixSeconds, UnverifiedToken, token::fingerprint, uuid};
use pgrx::prelude::*;
use pgrx::{Uuid, pg_sys};
use serde_json::{Value, json};

/// How a session comes about.
pub struct Opening {
    pub method: &'static str,
    /// A second factor was shown.
    pub second_factor: bool,
}

impl Opening {
    pub fn by(method: &'static str) -> Self {
        Self {
            method,
            second_factor: false,
        }
    }
}

/// What a session's tokens say.
pub struct Spoken<'a> {
    pub session_id: [u8; 16],
    /// Absent when an administrator acts as a role.
    pub user_id: Option<[u8; 16]>,
    pub email: &'a str,
    pub role: &'a str,
    pub user_metadata: &'a str,
    pub app_metadata: &'a str,
    pub is_anonymous: bool,
    pub impersonated_by: Option<[u8; 16]>,
    pub epoch: i32,
    pub second_factor: bool,
    /// No token lives longer.
    pub ends_at: UnixSeconds,
}

impl<'a> Spoken<'a> {
    fn of(user: &'a User, session_id: [u8; 16], ends_at: UnixSeconds) -> Self {
        Self {
            session_id,
            user_id: Some(user.id),
            email: user.email.as_deref().unwrap_or_default(),
            role: &user.role,
            user_metadata: &user.user_metadata,
            app_metadata: &user.app_metadata,
            is_anonymous: user.is_anonymous,
            impersonated_by: None,
            epoch: 0,
            second_factor: false,
            ends_at,
        }
    }
}

/// A session's tokens.
pub struct Issued {
    pub access: String,
    pub refresh: String,
    pub refresh_hash: [u8; 32],
    pub expires_in: i64,
    /// When the session ends unless refreshed.
    pub session_expires: UnixSeconds,
}

impl Issued {
    /// The token reply.
    pub fn reply(self, user: Value) -> Value {
        json!({
            "user": user,
            "access_token": self.access,
            "refresh_token": self.refresh,
            "expires_in": self.expires_in,
            "token_type": "bearer",
        })
    }
}

pub fn issue(stored: &Stored, spoken: &Spoken<'_>, now: UnixSeconds) -> Result<Issued, Stop> {
    let settings = &stored.settings;
    let subject = Subject {
        user_id: spoken.user_id,
        session_id: spoken.session_id,
        email: spoken.email,
        role: spoken.role,
        is_anonymous: spoken.is_anonymous,
        impersonated_by: spoken.impersonated_by,
        epoch: spoken.epoch,
        second_factor: spoken.second_factor,
    };
    let left = spoken.ends_at - now;
    let access_seconds = settings.access_token_seconds.min(left);
    let refresh_seconds = settings.refresh_token_seconds.min(left);
    let common = |lifetime_seconds| -> Result<Common<'_>, Failure> {
        Ok(Common {
            issuer: &settings.jwt_issuer,
            audience: &settings.jwt_audience,
            token_id: uuid::v7(now, owner::random()?),
            now,
            lifetime_seconds,
        })
    };
    let access = issue::access_payload(
        &common(access_seconds)?,
        &subject,
        spoken.user_metadata,
        spoken.app_metadata,
    )
    .map_err(|error| refused("VALIDATION_FAILED", error.to_string()))?;
    let refresh = issue::refresh_payload(&common(refresh_seconds)?, &subject)
        .map_err(|error| Failure::broken(error.to_string()))?;
    let key = signing_key()?;
    let sign = |payload: &str| {
        key.sign(payload)
            .map_err(|error| Failure::broken(error.to_string()))
    };
    let (access, refresh) = (sign(&access)?, sign(&refresh)?);
    Ok(Issued {
        refresh_hash: sha256(&refresh)?,
        access,
        refresh,
        expires_in: access_seconds,
        session_expires: now + refresh_seconds,
    })
}

pub fn sha256(token: &str) -> Result<[u8; 32], Failure> {
    fingerprint(token).ok_or_else(|| Failure::broken("SHA-256 failed"))
}

/// Opens a session and returns the token reply.
pub fn open_session(
    stored: &Stored,
    user: &User,
    opening: Opening,
    context: &Context,
) -> Result<Value, Stop> {
    let session_id = uuid::v4(owner::random()?);
    let now = owner::now();
    let ends_at = now + stored.settings.session_seconds;
    let mut spoken = Spoken::of(user, session_id, ends_at);
    spoken.second_factor = opening.second_factor;
    let issued = issue(stored, &spoken, now)?;
    store_session(&spoken, &issued, opening.method, Some(user.id), context)?;
    replaced::end(stored, context)?;
    sweep()?;
    Ok(issued.reply(user.object.clone()))
}

/// Removes some of the sessions that have been over for a day: a few with each new one are enough to keep up, and nobody needs
/// to be told.
fn sweep() -> Result<(), Failure> {
    const EXPIRIES: Index = Index {
        table: c"sessions",
        name: c"sessions_expires_at",
    };
    const DAY: i64 = 86_400 * 1_000_000;
    // SAFETY: reads the clock.
    let yesterday = unsafe { pg_sys::GetCurrentTimestamp() } - DAY;
    if EXPIRIES.count(&[], Some(Bound::Before(yesterday.into())), 1)? == 0 {
        return Ok(());
    }
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.sessions s where s.ctid = any (array( \
               select o.ctid from auth.sessions o where o.expires_at < pg_catalog.now() - interval '1 day' \
               order by o.expires_at limit 4 for update skip locked))"),
            None,
            &[],
        )?;
        Ok(())
    })
}

/// Writes down a new session with the hash of its refresh token, and when `signed_in` did.
pub fn store_session(
    spoken: &Spoken<'_>,
    issued: &Issued,
    method: &str,
    signed_in: Option<[u8; 16]>,
    context: &Context,
) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("with signed_in as (update auth.users set last_sign_in_at = pg_catalog.now() where id = $11) \
             insert into auth.sessions (id, user_id, refresh_token_hash, expires_at, ends_at, method, factor_at, impersonator_id, ip, user_agent) \
             values ($1, $2, $3, pg_catalog.to_timestamp($4), pg_catalog.to_timestamp($5), $6, \
               case when $7 then pg_catalog.now() end, $8, $9::inet, $10)"),
            None,
            &[
                Uuid::from_bytes(spoken.session_id).into(),
                spoken.user_id.map(Uuid::from_bytes).into(),
                issued.refresh_hash.to_vec().into(),
                (issued.session_expires as f64).into(),
                (spoken.ends_at as f64).into(),
                method.into(),
                spoken.second_factor.into(),
                spoken.impersonated_by.map(Uuid::from_bytes).into(),
                context.ip.map(|ip| ip.to_string()).into(),
                context.user_agent.as_deref().into(),
                signed_in.map(Uuid::from_bytes).into(),
            ],
        )?;
        Ok(())
    })
}

#[pg_extern]
fn refresh(refresh_token: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_refresh(refresh_token, &Context::read(context)))
}

/// Malformed, forged, expired, used before, of a session that is over: one answer, and what it was in the audit.
fn refuse(reason: &str, user_id: Option<[u8; 16]>, context: &Context) -> Result<Value, Stop> {
    audit::failure("auth.refresh", reason, user_id, context)?;
    Err(refused("INVALID_TOKEN", "Invalid or expired refresh token"))
}

fn try_refresh(refresh_token: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let token = refresh_token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| missing("refresh_token"))?;
    let signed = match UnverifiedToken::parse(token).and_then(|token| token.verify(&stored.keys)) {
        Ok(signed) => signed,
        Err(_) => return refuse("not_ours", None, context),
    };
    let now = owner::now();
    let claims = match signed.judge_refresh(now, &stored.expected) {
        Ok(claims) => claims,
        Err(_) => return refuse("not_good_now", None, context),
    };
    let Some(session_id) = claims.session_id else {
        return refuse("no_session", claims.sub, context);
    };
    let session = lock_session(session_id, claims.sub)?;
    let known = session.as_ref().map(|session| session.known);
    let session = match (
        rotation::decide(&sha256(token)?, known.as_ref(), now),
        session,
    ) {
        (Decision::Rotate, Some(session)) => session,
        (Decision::Reused, _) => {
            pgrx::log!(
                "a refresh token of session {} was used again; the session is ended",
                uuid::format(&session_id)
            );
            end_session(session_id)?;
            return refuse("reused", claims.sub, context);
        }
        _ => return refuse("session_over", claims.sub, context),
    };
    // Read anew: role, address and metadata may have changed since the last token.
    let user = match claims.sub {
        Some(id) => match user::by_id(id)? {
            None => return refuse("no_user", None, context),
            user => user,
        },
        None => None,
    };
    let mut spoken = match &user {
        Some(user) if user.disabled => return refuse("disabled", claims.sub, context),
        // Became an administrator since the sign-in, or signed in before that was asked for: refreshing must not lead
        // around it.
        Some(user)
            if !session.second_factor
                && session.impersonated_by.is_none()
                && sign_in::must_set_up(&stored, user) =>
        {
            return refuse("no_second_factor", claims.sub, context);
        }
        Some(user) => Spoken::of(user, session_id, session.ends_at),
        None => Spoken {
            session_id,
            user_id: None,
            email: "",
            role: &claims.role,
            user_metadata: "{}",
            app_metadata: "{}",
            is_anonymous: false,
            impersonated_by: None,
            epoch: 0,
            second_factor: false,
            ends_at: session.ends_at,
        },
    };
    spoken.impersonated_by = session.impersonated_by;
    spoken.epoch = session.epoch;
    spoken.second_factor = session.second_factor;
    let issued = issue(&stored, &spoken, now)?;
    Spi::connect_mut(|client| {
        client.update(
            Kept("update auth.sessions set refresh_token_hash = $2, expires_at = pg_catalog.to_timestamp($3), \
               refreshed_at = pg_catalog.now() where id = $1"),
            None,
            &[
                Uuid::from_bytes(session_id).into(),
                issued.refresh_hash.to_vec().into(),
                (issued.session_expires as f64).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(issued.reply(user.map_or(Value::Null, |user| user.object)))
}

pub struct Session {
    pub known: rotation::Session,
    ends_at: UnixSeconds,
    epoch: i32,
    second_factor: bool,
    impersonated_by: Option<[u8; 16]>,
}

/// The session, locked: of two refreshes the second waits, and then sees what the first left.
pub fn lock_session(
    session_id: [u8; 16],
    user_id: Option<[u8; 16]>,
) -> Result<Option<Session>, Failure> {
    Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("select s.refresh_token_hash, s.expires_at, s.ends_at, s.epoch, s.factor_at is not null, s.impersonator_id \
             from auth.sessions s where s.id = $1 and s.user_id is not distinct from $2 for update"),
            Some(1),
            &[
                Uuid::from_bytes(session_id).into(),
                user_id.map(Uuid::from_bytes).into(),
            ],
        )?;
        if rows.is_empty() {
            return Ok(None);
        }
        let row = rows.first();
        let current = row.get::<Vec<u8>>(1)?.unwrap_or_default();
        let seconds = |place| -> Result<UnixSeconds, Failure> {
            Ok(row
                .get::<TimestampWithTimeZone>(place)?
                .map_or(0, |at| owner::unix_seconds(at.into_inner())))
        };
        Ok(Some(Session {
            known: rotation::Session {
                current: current
                    .try_into()
                    .map_err(|_| Failure::broken("a stored token hash has not 32 bytes"))?,
                expires_at: seconds(2)?,
            },
            ends_at: seconds(3)?,
            epoch: row.get::<i32>(4)?.unwrap_or_default(),
            second_factor: row.get::<bool>(5)?.unwrap_or_default(),
            impersonated_by: row.get::<Uuid>(6)?.map(|id| *id.as_bytes()),
        }))
    })
}

pub fn end_session(session_id: [u8; 16]) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.sessions where id = $1"),
            None,
            &[Uuid::from_bytes(session_id).into()],
        )?;
        Ok(())
    })
}

/// Ends the sessions of a user, all or all but one, and those in which the user acts as somebody else.
pub fn end_sessions_of(user_id: [u8; 16], but: Option<[u8; 16]>) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.sessions where (user_id = $1 or impersonator_id = $1) and id is distinct from $2"),
            None,
            &[
                Uuid::from_bytes(user_id).into(),
                but.map(Uuid::from_bytes).into(),
            ],
        )?;
        Ok(())
    })
}
