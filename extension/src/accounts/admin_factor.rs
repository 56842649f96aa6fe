//! `auth.admin_remove_factor`: for a user who has lost the app and the backup codes. That it is this user who asks is for the
//! administrator to see; afterwards signing in takes the password, as setting up a factor does.

use super::admin::subordinate;
use super::{Context, Stop, answer, factor_setup, outbox, proof, refused, session};
use crate::audit;
use crate::error::Failure;
use crate::identity::{self, Record};
use crate::jsonb::JsonB;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

#[pg_extern]
fn admin_remove_factor(id: Option<Uuid>, context: Option<JsonB>) -> JsonB {
    answer(try_remove(id, &Context::read(context)))
}

fn try_remove(id: Option<Uuid>, context: &Context) -> Result<Value, Stop> {
    super::begin_within("write:auth")?;
    let user = subordinate(id)?;
    proof::try_sensitive(context)?;
    // The own one takes the password too: a session left open is not enough.
    if identity::current().and_then(Record::sub) == Some(user.id) {
        return Err(refused(
            "VALIDATION_FAILED",
            "This is your own second factor; disable it with your password",
        ));
    }
    if !user.has_factor {
        return Err(refused("VALIDATION_FAILED", "There is no second factor"));
    }
    factor_setup::remove(user.id)?;
    // Whoever has the lost app may be in, or wait for its code.
    session::end_sessions_of(user.id, None)?;
    let id = Uuid::from_bytes(user.id);
    Spi::connect_mut(|client| {
        outbox::void(client, &user, outbox::Void::WaysIn)?;
        client.update(
            "delete from auth.challenges where user_id = $1",
            None,
            &[id.into()],
        )?;
        // The count of wrong codes was about the old one.
        client.update(
            "delete from auth.login_attempts a where a.ctid = any (array( \
               select o.ctid from auth.login_attempts o where o.email = 'factor ' || $1::pg_catalog.text for update skip locked))",
            None,
            &[id.into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    outbox::notice("notice_factor_changed", &user)?;
    audit::success("admin.factor_remove", Some(user.id), context, json!({}))?;
    Ok(json!({"message": "The second factor was removed"}))
}
