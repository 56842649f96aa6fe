//! The caller, and the proof that it is still the user who asks: an access token that was stolen is not enough to
//! change what signing in needs.

use super::user::{self, User};
use super::{
    Context, Stop, answer, credentials, factor_challenge, outbox, refused, session, sign_in_first,
};
use crate::error::Failure;
use crate::identity::{self, Record};
use crate::jsonb::JsonB;
use crate::stored::{self, Stored};
use crate::{audit, owner};
use fluxbase_rules::{UnixSeconds, uuid};
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// For so long after it was shown a credential proves that the user is there.
const FRESH_SECONDS: i64 = 600;
const NONCE_SECONDS: f64 = 300.0;

/// The user who asks, and in which session.
pub struct Me {
    pub user_id: [u8; 16],
    pub session_id: [u8; 16],
    authenticated_at: UnixSeconds,
    factor_at: Option<UnixSeconds>,
}

/// Who asks.
///
/// # Errors
/// Refused to visitors, to keys, and to administrators who act as somebody else.
pub fn me() -> Result<Me, Stop> {
    let who = identity::current();
    let (Some(user_id), Some(session_id)) =
        (who.and_then(Record::sub), who.and_then(Record::session_id))
    else {
        return Err(sign_in_first());
    };
    let row = Spi::connect(|client| {
        let rows = client.select(
            "select s.authenticated_at, s.factor_at, s.impersonator_id is not null from auth.sessions s \
             where s.id = $1 and s.user_id = $2",
            Some(1),
            &[
                Uuid::from_bytes(session_id).into(),
                Uuid::from_bytes(user_id).into(),
            ],
        )?;
        let Some(row) = rows.into_iter().next() else {
            return Ok::<_, Failure>(None);
        };
        let seconds = |place| -> Result<Option<UnixSeconds>, Failure> {
            Ok(row
                .get::<TimestampWithTimeZone>(place)?
                .map(|at| owner::unix_seconds(at.into_inner())))
        };
        Ok(Some((
            seconds(1)?.unwrap_or_default(),
            seconds(2)?,
            row.get::<bool>(3)?.unwrap_or(true),
        )))
    })?;
    let (authenticated_at, factor_at, impersonated) = row.ok_or_else(sign_in_first)?;
    if impersonated {
        return Err(refused(
            "ACCESS_DENIED",
            "Not possible while acting as somebody else",
        ));
    }
    Ok(Me {
        user_id,
        session_id,
        authenticated_at,
        factor_at,
    })
}

impl Me {
    /// The user, locked.
    pub fn user(&self) -> Result<User, Stop> {
        user::lock(self.user_id)?.ok_or_else(sign_in_first)
    }

    fn is_fresh(at: UnixSeconds) -> bool {
        Self::is_within(at, FRESH_SECONDS)
    }

    fn is_within(at: UnixSeconds, seconds: i64) -> bool {
        owner::now() < at.saturating_add(seconds)
    }

    /// The sign-in stands for the password; who has none has nothing else to show.
    fn signed_in_just_now(&self, stored: &Stored, user: &User) -> bool {
        let seconds = match user.password_hash {
            Some(_) => stored.settings.reauthentication_seconds,
            None => FRESH_SECONDS,
        };
        Self::is_within(self.authenticated_at, seconds)
    }

    /// Locks the session: before its nonces, which go with it.
    fn hold_session(&self) -> Result<(), Stop> {
        let there = Spi::connect_mut(|client| {
            let rows = client.update(
                "select from auth.sessions s where s.id = $1 for no key update",
                None,
                &[Uuid::from_bytes(self.session_id).into()],
            )?;
            Ok::<_, Failure>(!rows.is_empty())
        })?;
        // Ended since it was entered with.
        if there { Ok(()) } else { Err(sign_in_first()) }
    }

    /// Notes that the second factor has just been shown in this session.
    pub fn factor_shown(&self) -> Result<(), Failure> {
        Spi::connect_mut(|client| {
            client.update(
                "update auth.sessions set factor_at = pg_catalog.now() where id = $1",
                None,
                &[Uuid::from_bytes(self.session_id).into()],
            )?;
            Ok(())
        })
    }
}

/// The proof that a sensitive change needs: the password, or a nonce of `auth.reauthenticate`, or, for users who have no
/// password, a sign-in of the last minutes; and for users with a second factor that factor, just as fresh.
pub fn require(
    stored: &Stored,
    me: &Me,
    user: &User,
    password: Option<&str>,
    context: &Context,
) -> Result<(), Stop> {
    let nonce = match &context.nonce {
        Some(nonce) => Some(take_nonce(me, nonce)?.ok_or_else(bad_nonce)?),
        None => None,
    };
    match (password, nonce) {
        (Some(password), _) => require_password(stored, user, password, context)?,
        (None, Some(_)) => {}
        // Nobody has an anonymous account but who holds its token: there is nothing else to show.
        (None, None) if user.is_anonymous => {}
        (None, None) if user.password_hash.is_none() && Me::is_fresh(me.authenticated_at) => {}
        (None, None) => {
            return Err(refused(
                "REAUTHENTICATION_REQUIRED",
                "Send the current password, or a nonce of reauthenticate",
            ));
        }
    }
    require_factor(stored, me, user, nonce.unwrap_or(false), context)
}

/// The proof that setting up a first second factor needs: a sign-in of the last minutes, the password, or a nonce. With a
/// token alone, whoever found it would lock the owner out.
pub fn require_presence(
    stored: &Stored,
    me: &Me,
    user: &User,
    context: &Context,
) -> Result<(), Stop> {
    if let Some(nonce) = &context.nonce {
        take_nonce(me, nonce)?.ok_or_else(bad_nonce)?;
    }
    match &context.password {
        Some(password) => require_password(stored, user, password, context),
        None if context.nonce.is_some() || user.is_anonymous => Ok(()),
        None if me.signed_in_just_now(stored, user) => Ok(()),
        None => Err(refused(
            "REAUTHENTICATION_REQUIRED",
            "The sign-in is too long ago: send the password, or a nonce of reauthenticate",
        )),
    }
}

fn bad_nonce() -> Stop {
    refused("INVALID_CREDENTIALS", "Invalid or expired nonce")
}

/// The second factor of a user who has one.
fn require_factor(
    stored: &Stored,
    me: &Me,
    user: &User,
    shown_for_nonce: bool,
    context: &Context,
) -> Result<(), Stop> {
    let needed = stored.settings.require_2fa_for_sensitive_ops && user.has_factor;
    if !needed || shown_for_nonce {
        return Ok(());
    }
    if let Some(code) = &context.code {
        factor_challenge::require_code(user, code, context)?;
        me.factor_shown()?;
        return Ok(());
    }
    if me.factor_at.is_some_and(Me::is_fresh) {
        return Ok(());
    }
    Err(refused(
        "TWO_FACTOR_REQUIRED",
        "Send a code of the second factor in X-2FA-Code, or a nonce of reauthenticate",
    ))
}

/// Uses up a nonce; says whether a second factor was shown for it. `None`: no such nonce.
fn take_nonce(me: &Me, nonce: &str) -> Result<Option<bool>, Stop> {
    let hash = session::sha256(nonce)?;
    me.hold_session()?;
    Ok(Spi::connect_mut(|client| {
        let rows = client.update(
            "delete from auth.nonces n where n.nonce_hash = $1 and n.user_id = $2 and n.session_id = $3 \
               and n.expires_at > pg_catalog.clock_timestamp() returning n.second_factor",
            None,
            &[
                hash.to_vec().into(),
                Uuid::from_bytes(me.user_id).into(),
                Uuid::from_bytes(me.session_id).into(),
            ],
        )?;
        match rows.into_iter().next() {
            Some(row) => Ok::<_, Failure>(row.get::<bool>(1)?),
            None => Ok(None),
        }
    })?)
}

/// Judges the password of the caller, counted as at a sign-in.
fn require_password(
    stored: &Stored,
    user: &User,
    password: &str,
    context: &Context,
) -> Result<(), Stop> {
    let email = user.email.clone().unwrap_or_else(|| uuid::format(&user.id));
    let id = user.id;
    match credentials::judge(stored, &email, password, context, || {
        credentials::Known::by_id(id)
    })? {
        credentials::Judged::Right { attempt, .. } => Ok(attempt.succeeded()?),
        credentials::Judged::Wrong(reason, _) => {
            audit::failure("auth.reauthenticate", reason, Some(id), context)?;
            Err(refused("INVALID_CREDENTIALS", "Invalid password"))
        }
    }
}

#[pg_extern]
fn reauthenticate(context: Option<JsonB>) -> JsonB {
    answer(try_reauthenticate(&Context::read(context)))
}

/// With the password at any time; without it only shortly after a sign-in, when the credentials have just been shown.
fn try_reauthenticate(context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let me = me()?;
    let user = me.user()?;
    match &context.password {
        Some(password) => require_password(&stored, &user, password, context)?,
        None if me.signed_in_just_now(&stored, &user) => {}
        None => {
            return Err(refused(
                "REAUTHENTICATION_REQUIRED",
                "The sign-in is too long ago: send the password",
            ));
        }
    }
    require_factor(&stored, &me, &user, false, context)?;
    let (nonce, hash) = outbox::new_token()?;
    me.hold_session()?;
    Spi::connect_mut(|client| {
        client.update(
            "delete from auth.nonces where user_id = $1 and expires_at <= pg_catalog.clock_timestamp()",
            None,
            &[Uuid::from_bytes(me.user_id).into()],
        )?;
        client.update(
            "insert into auth.nonces (nonce_hash, user_id, session_id, second_factor, expires_at) \
             values ($1, $2, $3, $4, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $5))",
            None,
            &[
                hash.to_vec().into(),
                Uuid::from_bytes(me.user_id).into(),
                Uuid::from_bytes(me.session_id).into(),
                user.has_factor.into(),
                NONCE_SECONDS.into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    audit::success("auth.reauthenticate", Some(me.user_id), context, json!({}))?;
    Ok(json!({"nonce": nonce}))
}

/// What stands in the way of a sensitive act of an administrator; null when nothing does. Keys and those who work in SQL
/// have no second factor.
#[pg_extern]
fn sensitive_refusal(context: Option<JsonB>) -> Option<JsonB> {
    let context = Context::read(context);
    let result = try_sensitive(&context).map(|()| Value::Null);
    match answer(result) {
        JsonB(Value::Null) => None,
        refusal => Some(refusal),
    }
}

pub fn try_sensitive(context: &Context) -> Result<(), Stop> {
    super::begin();
    if identity::current().and_then(Record::sub).is_none() {
        return Ok(());
    }
    let stored = stored::stored()?;
    let me = me()?;
    let user = me.user()?;
    let nonce = match &context.nonce {
        Some(nonce) => take_nonce(&me, nonce)?.unwrap_or(false),
        None => false,
    };
    require_factor(&stored, &me, &user, nonce, context)
}
