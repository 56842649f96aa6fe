//! An administrator acts as a user, or as a role: never as another administrator, never without a reason, always
//! written down, never for longer than an hour.

use super::admin::require_rank;
use super::session::{Spoken, issue, store_session};
use super::user::{self, User};
use super::{Context, Stop, answer, missing, proof, refused};
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::stored;
use crate::{audit, owner};
use fluxbase_rules::uuid;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

const LIFETIME_SECONDS: i64 = 3600;

#[pg_extern]
fn impersonate(target: Option<Uuid>, reason: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_user(target, reason, &Context::read(context)))
}

fn try_user(target: Option<Uuid>, reason: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    require_rank("admin")?;
    let target = target.ok_or_else(|| missing("target_user_id"))?;
    let user = user::by_id(*target.as_bytes())?
        .filter(|user| !user.disabled)
        .ok_or_else(|| refused("NOT_FOUND", "There is no such user"))?;
    if super::sign_in::is_administrator(&user.role) {
        audit::failure(
            "admin.impersonation",
            "target_is_administrator",
            Some(user.id),
            context,
        )?;
        return Err(refused(
            "ACCESS_DENIED",
            "Nobody acts as another administrator",
        ));
    }
    begin(Some(&user), &user.role, reason, context)
}

#[pg_extern]
fn impersonate_role(role: Option<&str>, reason: Option<&str>, context: Option<JsonB>) -> JsonB {
    answer(try_role(role, reason, &Context::read(context)))
}

fn try_role(role: Option<&str>, reason: Option<&str>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let role = role.ok_or_else(|| missing("role"))?;
    match role {
        "anon" => require_rank("admin")?,
        "service_role" => require_rank("service_role")?,
        _ => {
            return Err(refused(
                "INVALID_ROLE",
                "Only anon and service_role can be acted as",
            ));
        }
    }
    begin(None, role, reason, context)
}

fn begin(
    user: Option<&User>,
    role: &str,
    reason: Option<&str>,
    context: &Context,
) -> Result<Value, Stop> {
    let stored = stored::stored()?;
    // An administrator who is a person: a key has nobody to answer for it.
    let me = proof::me()?;
    let reason = reason
        .map(str::trim)
        .filter(|reason| !reason.is_empty() && reason.chars().count() <= 1000)
        .ok_or_else(|| missing("reason"))?;
    proof::try_sensitive(context)?;
    let target = user.map(|user| user.id);
    let object = user.map_or(Value::Null, |user| user.object.clone());
    let now = owner::now();
    let spoken = Spoken {
        session_id: uuid::v4(owner::random()?),
        user_id: target,
        email: user
            .and_then(|user| user.email.as_deref())
            .unwrap_or_default(),
        role,
        user_metadata: user.map_or("{}", |user| &user.user_metadata),
        app_metadata: user.map_or("{}", |user| &user.app_metadata),
        is_anonymous: user.is_some_and(|user| user.is_anonymous),
        impersonated_by: Some(me.user_id),
        epoch: 0,
        second_factor: false,
        ends_at: now + LIFETIME_SECONDS,
    };
    let issued = issue(&stored, &spoken, now)?;
    store_session(&spoken, &issued, "impersonation", None, context)?;
    Spi::connect_mut(|client| {
        client.update(
            "update auth.sessions set impersonator_session_id = $2 where id = $1",
            None,
            &[
                Uuid::from_bytes(spoken.session_id).into(),
                Uuid::from_bytes(me.session_id).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    let session = Spi::get_one_with_args::<JsonB>(
        "insert into auth.impersonation_sessions as i (id, admin_user_id, target_user_id, impersonation_type, target_role, reason, ip_address, user_agent) \
         values ($1, $2, $3, $4, $5, $6, $7::inet, $8) returning auth.impersonation_object(i)",
        &[
            Uuid::from_bytes(spoken.session_id).into(),
            Uuid::from_bytes(me.user_id).into(),
            target.map(Uuid::from_bytes).into(),
            match (target, role) {
                (Some(_), _) => "user",
                (None, "anon") => "anon",
                (None, _) => "service",
            }
            .into(),
            role.into(),
            reason.into(),
            context.ip.map(|ip| ip.to_string()).into(),
            context.user_agent.as_deref().into(),
        ],
    )?;
    audit::success(
        "admin.impersonation_start",
        target,
        context,
        json!({"session": uuid::format(&spoken.session_id), "role": role, "reason": reason}),
    )?;
    let session = session.map(|session| session.0).unwrap_or_default();
    let mut reply = issued.reply(object.clone());
    if let Value::Object(members) = &mut reply {
        members.insert("session".to_owned(), session);
        members.insert("target_user".to_owned(), object);
    }
    Ok(reply)
}
