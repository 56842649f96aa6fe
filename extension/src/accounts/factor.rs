//! Second factors: an authenticator app, and backup codes that stand in for it.
//!
//! A factor is asked for between a right password (or link) and the first token: until then there is a challenge, which
//! is bound to the user and the client, and no session. Wrong codes are counted like wrong passwords, by their own count.

use super::proof::{self, Me};
use super::session::{self, Opening, open_session};
use super::user::{self, User};
use super::{
    Context, Stop, answer, credentials, missing, outbox, rate_limited, recovery, refused, sign_in,
};
use crate::attempts::{self, Attempt};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::stored;
use crate::{audit, owner, sealing};
use fluxbase_rules::factor::{self, TotpSecret};
use fluxbase_rules::lockout::{self, Decision, Rules};
use fluxbase_rules::uuid;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// How long a challenge waits for its code.
const CHALLENGE_SECONDS: i64 = 300;
/// How long a setup waits for its first code.
const SETUP_SECONDS: i64 = 600;
/// Wrong codes for one user, and how long each counts.
const TRIES: u64 = 5;
const WINDOW_SECONDS: i64 = 900;

/// What a challenge's token begins with: it stands where an access token stands.
pub const CHALLENGE_PREFIX: &str = "mfa_";

/// The reply of a sign-in that is not finished.
pub fn challenge(
    user: &User,
    method: &'static str,
    for_setup: bool,
    context: &Context,
) -> Result<Value, Stop> {
    let (token, _) = outbox::new_token()?;
    let token = format!("{CHALLENGE_PREFIX}{token}");
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.challenges c where c.ctid = any (array( \
               select o.ctid from auth.challenges o where o.expires_at < pg_catalog.now() limit 4 for update skip locked))"),
            None,
            &[],
        )?;
        client.update(
            Kept("insert into auth.challenges (user_id, token_hash, method, for_setup, ip, expires_at) \
             values ($1, $2, $3, $4, $5::inet, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $6))"),
            None,
            &[
                Uuid::from_bytes(user.id).into(),
                session::sha256(&token)?.to_vec().into(),
                method.into(),
                for_setup.into(),
                context.ip.map(|ip| ip.to_string()).into(),
                (CHALLENGE_SECONDS as f64).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    audit::success(
        "auth.factor_asked",
        Some(user.id),
        context,
        json!({"method": method, "setup": for_setup}),
    )?;
    let user_id = uuid::format(&user.id);
    Ok(if for_setup {
        json!({
            "requires_2fa_setup": true, "user_id": user_id, "mfa_token": token,
            "access_token": token, "token_type": "bearer", "expires_in": CHALLENGE_SECONDS,
            "message": "Set up a second factor with this token; it is good for nothing else",
        })
    } else {
        json!({
            "requires_2fa": true, "user_id": user_id, "mfa_token": token,
            "message": "Enter the code of your authenticator app",
        })
    })
}

/// A live challenge, locked.
struct Challenge {
    id: Uuid,
    user_id: [u8; 16],
    method: String,
}

/// Finds the challenge by its token, or, for clients that do not send it back, the newest one of that user from the
/// same client. An address that is known on both sides must be the same one.
fn find_challenge(
    user_id: Option<[u8; 16]>,
    token: Option<&str>,
    for_setup: bool,
    context: &Context,
) -> Result<Option<Challenge>, Failure> {
    let hash = match token.filter(|token| !token.is_empty()) {
        Some(token) => Some(session::sha256(token)?.to_vec()),
        None => None,
    };
    if user_id.is_none() && hash.is_none() {
        return Ok(None);
    }
    Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("select c.id, c.user_id, c.method from auth.challenges c \
             where ($1::uuid is null or c.user_id = $1) and ($2::bytea is null or c.token_hash = $2) \
               and c.for_setup = $3 and c.expires_at > pg_catalog.clock_timestamp() and c.ip is not distinct from $4::inet \
             order by c.created_at desc limit 1 for update"),
            Some(1),
            &[
                user_id.map(Uuid::from_bytes).into(),
                hash.into(),
                for_setup.into(),
                context.ip.map(|ip| ip.to_string()).into(),
            ],
        )?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(Challenge {
            id: row
                .get::<Uuid>(1)?
                .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
            user_id: row
                .get::<Uuid>(2)?
                .map(|id| *id.as_bytes())
                .unwrap_or_default(),
            method: row.get::<String>(3)?.unwrap_or_default(),
        }))
    })
}

fn close_challenge(id: Uuid) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("delete from auth.challenges where id = $1"),
            None,
            &[id.into()],
        )?;
        Ok(())
    })
}

/// No challenge, somebody else's, an expired one, a wrong code, a used one: one answer.
fn bad_code() -> Stop {
    refused("INVALID_CREDENTIALS", "Invalid or expired code")
}

#[pg_extern]
fn verify_factor(
    user_id: Option<Uuid>,
    code: Option<&str>,
    mfa_token: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    let mut context = Context::read(context);
    if let Some(token) = mfa_token {
        context.mfa_token = Some(token.chars().take(128).collect());
    }
    answer(try_verify(user_id, code, &context))
}

fn try_verify(user_id: Option<Uuid>, code: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let code = code.ok_or_else(|| missing("code"))?;
    let user_id = user_id.map(|id| *id.as_bytes());
    if user_id.is_none() && context.mfa_token.is_none() {
        return Err(missing("user_id"));
    }
    let token = context.mfa_token.as_deref();
    let Some(challenge) = find_challenge(user_id, token, false, context)? else {
        audit::failure("auth.factor", "no_challenge", None, context)?;
        return Err(bad_code());
    };
    let Some(user) = user::lock(challenge.user_id)?.filter(|user| !user.disabled) else {
        let of = Some(challenge.user_id);
        audit::failure("auth.factor", "disabled", of, context)?;
        return Err(bad_code());
    };
    require_code(&user, code, context)?;
    close_challenge(challenge.id)?;
    let opening = Opening {
        method: method(&challenge.method),
        second_factor: true,
    };
    let user = match opening.method {
        // A mail was answered, and by whoever has the factor.
        "magic_link" | "email_code" if !user.email_verified => {
            recovery::confirm_address(user.id)?;
            audit::success(
                "auth.email_confirmed",
                Some(user.id),
                context,
                json!({"method": opening.method}),
            )?;
            user::by_id(user.id)?.ok_or_else(bad_code)?
        }
        _ => user,
    };
    audit::success(
        "auth.login",
        Some(user.id),
        context,
        json!({"method": challenge.method, "second_factor": true}),
    )?;
    open_session(&stored, &user, opening, context)
}

/// The method of a challenge as written down by `challenge`.
fn method(stored: &str) -> &'static str {
    [
        "password",
        "magic_link",
        "email_code",
        "password_reset",
        "sign_up",
    ]
    .into_iter()
    .find(|known| *known == stored)
    .unwrap_or("password")
}

/// Counts, then judges a code of this user.
pub fn require_code(user: &User, code: &str, context: &Context) -> Result<(), Stop> {
    let attempt = Attempt::record(&format!("factor {}", uuid::format(&user.id)), context.ip)?;
    let rules = Rules {
        by_email: Some(TRIES),
        // From one client, at whosever account: as for passwords.
        by_ip: stored::stored()?.settings.lockout.by_ip,
        window_seconds: WINDOW_SECONDS,
    };
    let counted = attempt.counted(WINDOW_SECONDS)?;
    if lockout::decide(counted, &rules) != Decision::Judge {
        attempt.withdraw()?;
        audit::failure("auth.factor", "locked", Some(user.id), context)?;
        return Err(rate_limited(
            "Too many wrong codes; try again later",
            WINDOW_SECONDS,
        ));
    }
    if accepts(user.id, code)? {
        attempt.succeeded()?;
        return Ok(());
    }
    attempts::sweep(WINDOW_SECONDS.max(stored::stored()?.settings.lockout.window_seconds))?;
    if lockout::locks(counted, &rules)
        && let Some(email) = &user.email
    {
        outbox::warn("notice_factor_locked", email)?;
    }
    audit::failure("auth.factor", "wrong_code", Some(user.id), context)?;
    Err(bad_code())
}

/// Whether this is a code of the user's app, of a step not used yet, or an unused backup code; it is used up by this.
fn accepts(user_id: [u8; 16], code: &str) -> Result<bool, Failure> {
    let factor = read(user_id, true)?;
    if let Some(factor) = &factor
        && let Some(step) =
            factor::matching_step(&factor.secret, code, owner::now(), factor.last_step)
    {
        // The row is locked since it was read: of two who show one code the second sees the step as used.
        Spi::connect_mut(|client| {
            client.update(
                Kept("update auth.totp_factors set last_step = $2 where user_id = $1"),
                None,
                &[Uuid::from_bytes(user_id).into(), step.into()],
            )?;
            Ok::<_, Failure>(())
        })?;
        return Ok(true);
    }
    let (Some(_), Some(code)) = (factor, factor::normalize_backup_code(code)) else {
        return Ok(false);
    };
    let keys = Spi::connect(|client| {
        let mut keys = Vec::new();
        for row in client.select(
            Kept("select distinct b.key_id from auth.backup_codes b where b.user_id = $1 and b.used_at is null"),
            None,
            &[Uuid::from_bytes(user_id).into()],
        )? {
            keys.extend(row.get::<String>(1)?);
        }
        Ok::<_, Failure>(keys)
    })?;
    for key in keys {
        let mac = sealing::by_id(&key)?.mac(&backup_context(user_id), code.as_bytes());
        let used = Spi::connect_mut(|client| {
            let rows = client.update(
                Kept(
                    "update auth.backup_codes set used_at = pg_catalog.clock_timestamp() \
                 where user_id = $1 and code_mac = $2 and used_at is null returning 1",
                ),
                None,
                &[Uuid::from_bytes(user_id).into(), mac.to_vec().into()],
            )?;
            Ok::<_, Failure>(!rows.is_empty())
        })?;
        if used {
            return Ok(true);
        }
    }
    Ok(false)
}

fn backup_context(user_id: [u8; 16]) -> String {
    format!("backup:{}", uuid::format(&user_id))
}

fn secret_context(user_id: [u8; 16]) -> String {
    format!("totp:{}", uuid::format(&user_id))
}

struct Factor {
    secret: TotpSecret,
    last_step: Option<i64>,
}

/// The user's factor, locked: the confirmed one, or the one that waits for its first code.
fn read(user_id: [u8; 16], confirmed: bool) -> Result<Option<Factor>, Failure> {
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

/// Judges the password of the caller, counted as at a sign-in.
pub fn require_password(
    stored: &stored::Stored,
    user: &User,
    password: &str,
    context: &Context,
) -> Result<(), Stop> {
    let email = user.email.clone().unwrap_or_else(|| uuid::format(&user.id));
    let id = user.id;
    match credentials::judge(stored, &email, password, context, || {
        credentials::Known::by_id(id)
    })? {
        credentials::Judged::Right { .. } => Ok(()),
        credentials::Judged::Wrong(reason, _) => {
            audit::failure("auth.reauthenticate", reason, Some(id), context)?;
            Err(refused("INVALID_CREDENTIALS", "Invalid password"))
        }
    }
}
