//! What administrators do to accounts, as far as it needs a hash or random bytes; the rest is in
//! `sql/install/074_admin.sql`. Who may do what to whom is decided by `auth.caller_rank()` and `auth.role_rank(role)`.

use super::sign_up::require_metadata;
use super::user::{self, User, columns};
use super::{
    Context, Stop, answer, credentials, missing, outbox, proof, recovery_link, refused, session,
};
use crate::error::Failure;
use crate::identity::{self, Record};
use crate::jsonb::JsonB;
use crate::stored::{self, Stored};
use crate::{audit, owner, sealing};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fluxbase_rules::{email, password};
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// How many random passwords are tried.
const DRAWS: usize = 64;

/// Refused to who ranks below this role, and to who is no administrator at all.
pub fn require_rank(role: &str) -> Result<(), Stop> {
    let ranks = Spi::connect(|client| {
        let row = client
            .select(
                "select auth.caller_rank(), auth.role_rank($1)",
                Some(1),
                &[role.into()],
            )?
            .first();
        Ok::<_, Failure>((
            row.get::<i32>(1)?.unwrap_or(0),
            row.get::<i32>(2)?.unwrap_or(i32::MAX),
        ))
    })?;
    let (mine, needed) = ranks;
    if mine == 0 {
        return Err(refused("ADMIN_REQUIRED", "Administrators only"));
    }
    if mine < needed {
        return Err(refused(
            "INSUFFICIENT_PERMISSIONS",
            "This needs a higher role than yours",
        ));
    }
    Ok(())
}

/// The user, locked, when the caller ranks at least as high.
pub fn subordinate(id: Option<Uuid>) -> Result<User, Stop> {
    require_rank("")?;
    let id = id.ok_or_else(|| missing("id"))?;
    // The own account too, which the proof of a second factor locks.
    let mine = identity::current().and_then(Record::sub);
    let both: Vec<_> = mine.into_iter().chain([*id.as_bytes()]).collect();
    user::hold(&both)?;
    let user =
        user::lock(*id.as_bytes())?.ok_or_else(|| refused("NOT_FOUND", "There is no such user"))?;
    require_rank(&user.role)?;
    Ok(user)
}

fn text<'a>(options: &'a Value, name: &str) -> Result<Option<&'a str>, Stop> {
    match options.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text)),
        Some(_) => Err(refused(
            "VALIDATION_FAILED",
            format!("{name} must be a text"),
        )),
    }
}

fn valid_role(role: &str) -> Result<(), Stop> {
    let plain = !role.is_empty()
        && role != "anon"
        && role.len() <= 63
        && role
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    if plain {
        Ok(())
    } else {
        Err(refused(
            "INVALID_ROLE",
            "A role has 1 to 63 letters, digits, dots, hyphens or underscores, and is not anon",
        ))
    }
}

/// `options`: password or password_hash, role, user_metadata, app_metadata, skip_email, email_verified.
#[pg_extern]
fn admin_create_user(email: Option<&str>, options: Option<JsonB>, context: Option<JsonB>) -> JsonB {
    let options = options.map_or_else(|| json!({}), |options| options.0);
    answer(try_create(email, &options, &Context::read(context), false))
}

/// `of_the_user`: whoever will use the password typed it.
fn try_create(
    email: Option<&str>,
    options: &Value,
    context: &Context,
    of_the_user: bool,
) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    require_rank("")?;
    let role = text(options, "role")?.unwrap_or("authenticated");
    valid_role(role)?;
    require_rank(role)?;
    let email = email.ok_or_else(|| missing("email"))?;
    let email = email::normalize(email)
        .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
    let empty = json!({});
    let object = |name: &'static str| -> Result<Value, Stop> {
        let value = options
            .get(name)
            .filter(|value| !value.is_null())
            .unwrap_or(&empty);
        require_metadata(name, value)?;
        Ok(value.clone())
    };
    let (user_metadata, app_metadata) = (object("user_metadata")?, object("app_metadata")?);
    let quiet = options.get("skip_email") == Some(&Value::Bool(true));
    let given = text(options, "password")?;
    if let Some(password) = given {
        if !of_the_user {
            require_choice(&stored)?;
        }
        credentials::require_policy(&stored, password, Some(email.as_str()))?;
    }
    let imported = text(options, "password_hash")?;
    if let Some(hash) = imported
        && (given.is_some() || !password::is_importable(hash))
    {
        return Err(refused(
            "VALIDATION_FAILED",
            "password_hash must be an argon2 or bcrypt hash that can be computed, and stands in the place of password",
        ));
    }
    proof::try_sensitive(context)?;
    let temporary = match given.or(imported) {
        None if quiet => Some(temporary_password(&stored)?),
        _ => None,
    };
    let hash = match given.or(temporary.as_deref()) {
        Some(password) => Some(credentials::hash_new(&stored, password, None)?),
        // The next sign-in replaces it.
        None => imported.map(str::to_owned),
    };
    let verified = options.get("email_verified") == Some(&Value::Bool(true));
    let user = Spi::connect_mut(|client| {
        user::first(client.update(
            concat!(
                "insert into auth.users as u \
                   (email, password_hash, role, user_metadata, app_metadata, email_verified, password_temporary_until) \
                 values ($1, $2, $3, $4, $5, $6, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $7)) \
                 on conflict (email) do nothing returning ",
                columns!()
            ),
            None,
            &[
                email.as_str().into(),
                hash.as_deref().into(),
                role.into(),
                JsonB(user_metadata).into(),
                JsonB(app_metadata).into(),
                verified.into(),
                temporary
                    .is_some()
                    .then_some(stored.settings.temporary_password_seconds as f64)
                    .into(),
            ],
        )?)
    })?
    .ok_or_else(|| refused("ALREADY_EXISTS", "A user with this e-mail address exists already"))?;
    let mailed = !quiet && hash.is_none();
    if mailed {
        let lifetime = stored.settings.email_confirmation_seconds;
        outbox::queue_for_user("invitation", user.id, email.as_str(), lifetime)?;
    }
    audit::success(
        "admin.user_create",
        Some(user.id),
        context,
        json!({"role": role}),
    )?;
    let mut reply = json!({"user": enriched(user.id)?, "email_sent": mailed, "message": "The user was created"});
    if let (Some(password), Value::Object(members)) = (temporary, &mut reply) {
        members.insert("temporary_password".to_owned(), password.into());
    }
    Ok(reply)
}

/// Native, so that the password is no argument of a nested statement.
#[pg_extern]
fn create_admin(email: Option<&str>, password: Option<&str>) -> JsonB {
    let options = json!({"password": password, "role": "dashboard_admin", "email_verified": true});
    answer(match password {
        Some(_) => try_create(email, &options, &Context::read(None), true),
        None => Err(missing("password")),
    })
}

/// Whoever chooses a password knows it.
fn require_choice(stored: &Stored) -> Result<(), Stop> {
    if stored.settings.admins_choose_passwords {
        return Ok(());
    }
    Err(refused(
        "FEATURE_DISABLED",
        "Administrators choose no passwords here; send the user a link",
    ))
}

/// At least 120 random bits, with all the classes a policy may ask for and as long as it asks.
fn temporary_password(stored: &Stored) -> Result<String, Stop> {
    let characters = stored.settings.password_policy.min_characters.max(24);
    // Chance may write a forbidden word.
    for _ in 0..DRAWS {
        let random: [u8; 96] = owner::random()?;
        let made = format!("Aa1-{}", URL_SAFE_NO_PAD.encode(random));
        let made: String = made.chars().take(characters).collect();
        match credentials::require_policy(stored, &made, None) {
            Ok(()) => return Ok(made),
            Err(Stop::Refused(_)) => {}
            Err(failed) => return Err(failed),
        }
    }
    Err(Failure::broken("no random password fits the policy").into())
}

fn enriched(id: [u8; 16]) -> Result<Value, Failure> {
    let object = Spi::get_one_with_args::<JsonB>(
        "select auth.admin_user_object(u) from auth.users u where u.id = $1",
        &[Uuid::from_bytes(id).into()],
    )?;
    Ok(object.map(|object| object.0).unwrap_or_default())
}

/// `changes`: email, password, role, user_metadata, app_metadata, email_verified.
#[pg_extern]
fn admin_update_user(id: Option<Uuid>, changes: Option<JsonB>, context: Option<JsonB>) -> JsonB {
    let changes = changes.map_or_else(|| json!({}), |changes| changes.0);
    answer(try_change(id, &changes, &Context::read(context)))
}

fn try_change(id: Option<Uuid>, changes: &Value, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let user = subordinate(id)?;
    let role = text(changes, "role")?;
    if let Some(role) = role {
        valid_role(role)?;
        require_rank(role)?;
    }
    let email = match text(changes, "email")? {
        None => None,
        Some(given) => Some(
            email::normalize(given)
                .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?
                .into_string(),
        ),
    };
    let password = text(changes, "password")?;
    if let Some(password) = password {
        require_choice(&stored)?;
        let address = email.as_deref().or(user.email.as_deref());
        credentials::require_policy(&stored, password, address)?;
    }
    for name in ["user_metadata", "app_metadata"] {
        if let Some(value) = changes.get(name) {
            require_metadata(name, value)?;
        }
    }
    proof::try_sensitive(context)?;
    if let Some(email) = email.filter(|email| Some(email) != user.email.as_ref()) {
        super::confirmation::change_address(&user, &email, false, context)?;
    }
    if let Some(password) = password {
        let hash = credentials::hash_new(&stored, password, None)?;
        let temporary = stored.settings.temporary_password_seconds;
        recovery_link::set_password(&user, &hash, false, Some(temporary), None)?;
        outbox::notice("notice_password_changed", &user)?;
    }
    apply(&stored, &user, role, changes, context)?;
    enriched(user.id).map_err(Stop::from)
}

fn apply(
    _stored: &Stored,
    user: &User,
    role: Option<&str>,
    changes: &Value,
    context: &Context,
) -> Result<(), Stop> {
    let object = |name: &str| changes.get(name).cloned().map(JsonB);
    Spi::connect_mut(|client| {
        client.update(
            "update auth.users u set role = coalesce($2, u.role), user_metadata = coalesce($3, u.user_metadata), \
               app_metadata = coalesce($4, u.app_metadata), email_verified = coalesce($5, u.email_verified) where u.id = $1",
            None,
            &[
                Uuid::from_bytes(user.id).into(),
                role.into(),
                object("user_metadata").into(),
                object("app_metadata").into(),
                changes.get("email_verified").and_then(Value::as_bool).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    match role.filter(|role| *role != user.role) {
        Some(role) => audit::success(
            "admin.role_change",
            Some(user.id),
            context,
            json!({"from": user.role, "to": role}),
        )?,
        None => audit::success("admin.user_update", Some(user.id), context, json!({}))?,
    }
    Ok(())
}

#[pg_extern]
fn admin_reset_password(id: Option<Uuid>, context: Option<JsonB>) -> JsonB {
    answer(try_reset(id, &Context::read(context)))
}

/// The old password stops working and a link to choose a new one is mailed.
fn try_reset(id: Option<Uuid>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let stored = stored::stored()?;
    let user = subordinate(id)?;
    proof::try_sensitive(context)?;
    let email = user
        .email
        .clone()
        .ok_or_else(|| refused("VALIDATION_FAILED", "The user has no e-mail address"))?;
    Spi::connect_mut(|client| {
        client.update(
            "update auth.users set password_hash = null, password_temporary_until = null where id = $1",
            None,
            &[Uuid::from_bytes(user.id).into()],
        )?;
        // An address that somebody who knew the old password wants the account to have would take the new link with it.
        outbox::void(client, &user, outbox::Void::WaysIn)?;
        // A sign-in with the old password that waits for its code.
        client.update(
            "delete from auth.challenges where user_id = $1",
            None,
            &[Uuid::from_bytes(user.id).into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    session::end_sessions_of(user.id, None)?;
    let lifetime = stored.settings.password_reset_seconds;
    outbox::queue_for_user("password_reset", user.id, &email, lifetime)?;
    audit::success("admin.password_reset", Some(user.id), context, json!({}))?;
    Ok(json!({"message": "The user must choose a new password; a link was mailed"}))
}

#[pg_extern]
fn setup_admin(
    email: Option<&str>,
    password: Option<&str>,
    name: Option<&str>,
    setup_token: Option<&str>,
    context: Option<JsonB>,
) -> JsonB {
    answer(try_setup(
        email,
        password,
        name,
        setup_token,
        &Context::read(context),
    ))
}

fn try_setup(
    email: Option<&str>,
    password: Option<&str>,
    name: Option<&str>,
    setup_token: Option<&str>,
    context: &Context,
) -> Result<Value, Stop> {
    super::begin();
    let stored = stored::stored()?;
    let Some(expected) = &stored.settings.setup_token else {
        return Err(refused("SETUP_DISABLED", "There is no setup over HTTP"));
    };
    let presented = session::sha256(setup_token.unwrap_or_default())?;
    if !sealing::same(&presented, &session::sha256(expected.expose())?) {
        audit::failure("admin.setup", "wrong_setup_token", None, context)?;
        return Err(refused("INVALID_SETUP_TOKEN", "Invalid setup token"));
    }
    let (Some(email), Some(password)) = (email, password) else {
        return Err(refused(
            "MISSING_REQUIRED_FIELD",
            "email and password are required",
        ));
    };
    let email = email::normalize(email)
        .map_err(|refusal| refused("VALIDATION_FAILED", refusal.to_string()))?;
    credentials::require_policy(&stored, password, Some(email.as_str()))?;
    let hash = credentials::hash_new(&stored, password, None)?;
    let user = Spi::connect_mut(|client| {
        // Of two who set up at once one waits here, and then sees the other's administrator.
        client.update("lock table auth.users in share row exclusive mode", None, &[])?;
        user::first(client.update(
            concat!(
                "insert into auth.users as u (email, password_hash, role, email_verified, user_metadata) \
                 select $1, $2, 'dashboard_admin', true, $3 \
                 where not exists (select from auth.users o where auth.role_rank(o.role) = 2) \
                 on conflict (email) do nothing returning ",
                columns!()
            ),
            None,
            &[
                email.as_str().into(),
                hash.as_str().into(),
                JsonB(name.map_or_else(|| json!({}), |name| json!({"name": name}))).into(),
            ],
        )?)
    })?
    .ok_or_else(|| refused("SETUP_ALREADY_COMPLETED", "There is an administrator already"))?;
    audit::success("admin.setup", Some(user.id), context, json!({}))?;
    super::sign_in::finish(&stored, &user, "password", context)
}
