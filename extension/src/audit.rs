//! `audit.events`: what happened to accounts.
//!
//! A success is an ordinary row: if its transaction is rolled back, it did not happen. A failure is appended for good,
//! because whoever guesses would roll back.

use crate::accounts::Context;
use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::{identity, journal, owner};
use pgrx::prelude::*;
use pgrx::{Inet, Uuid, pg_sys};
use serde_json::{Value, json};

/// Something went as asked.
pub fn success(
    event: &str,
    user_id: Option<[u8; 16]>,
    context: &Context,
    details: Value,
) -> Result<(), Failure> {
    write(event, None, user_id, context, details)
}

/// Something was refused in a way that must look like success, in time too: written with the transaction, as a success
/// is, and not flushed to the disk by itself.
pub fn silent_failure(event: &str, reason: &str, context: &Context) -> Result<(), Failure> {
    write(event, Some(reason), None, context, json!({}))
}

/// A row as ordinary as any: a failure where there is a reason.
fn write(
    event: &str,
    reason: Option<&str>,
    user_id: Option<[u8; 16]>,
    context: &Context,
    details: Value,
) -> Result<(), Failure> {
    let id = Uuid::from_bytes(fluxbase_rules::uuid::v4(owner::random()?));
    Spi::connect_mut(|client| {
        client.update(
            // What audit.write() does; PostgreSQL would parse and plan its body each time.
            Kept("insert into audit.events (id, at, event, outcome, reason, user_id, actor_id, session_id, ip, user_agent, request_id, details) \
                 values ($1, pg_catalog.clock_timestamp(), $2, case when $3 is null then 'success' else 'failure' end, $3, $4, \
                   auth.uid(), auth.session_id(), $5, $6, $7, $8)"),
            None,
            &[
                id.into(),
                event.into(),
                reason.into(),
                user_id.map(Uuid::from_bytes).into(),
                context.ip.map(|ip| Inet(ip.to_string())).into(),
                context.user_agent.as_deref().into(),
                context.request_id.as_deref().into(),
                JsonB(details).into(),
            ],
        )?;
        Ok(())
    })
}

/// Something was refused, for this precise reason.
pub fn failure(
    event: &str,
    reason: &str,
    user_id: Option<[u8; 16]>,
    context: &Context,
) -> Result<(), Failure> {
    let id = Uuid::from_bytes(fluxbase_rules::uuid::v4(owner::random()?));
    // SAFETY: reads the clock; PostgreSQL's timestamps are in the range of the type.
    let at = unsafe { TimestampWithTimeZone::try_from(pg_sys::GetCurrentTimestamp()) }
        .map_err(|_| Failure::broken("the clock is out of range"))?;
    let actor = identity::current();
    let uuid = |bytes: [u8; 16]| Uuid::from_bytes(bytes);
    journal::append(
        c"audit",
        c"events",
        &[
            id.into_datum(),
            at.into_datum(),
            event.into_datum(),
            "failure".into_datum(),
            reason.into_datum(),
            user_id.map(uuid).into_datum(),
            actor.and_then(identity::Record::sub).map(uuid).into_datum(),
            actor
                .and_then(identity::Record::session_id)
                .map(uuid)
                .into_datum(),
            context.ip.map(|ip| Inet(ip.to_string())).into_datum(),
            context.user_agent.as_deref().into_datum(),
            context.request_id.as_deref().into_datum(),
            None::<JsonB>.into_datum(),
        ],
    )?;
    Ok(())
}
