//! The first proof of a mailbox.
//!
//! Where no address must be confirmed first, anybody can sign up with somebody else's: there is then an account with a
//! password and a session that its owner does not know of. Whoever reads the mail of an address owns the account, and what it
//! had before that was shown may be somebody else's: a password that still lets in, a session left open, a key. So all that
//! goes, once. Only a second factor stays, and with it everything: the mailbox alone must not lead around it.

use super::user::User;
use super::{Context, outbox, session};
use crate::audit;
use crate::error::Failure;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::json;

/// A link or a code came back from an address that nobody had confirmed.
pub fn by_mail(user: &User, method: &'static str, context: &Context) -> Result<(), Failure> {
    let id = Uuid::from_bytes(user.id);
    Spi::connect_mut(|client| {
        client.update(
            "update auth.users set email_verified = true, password_hash = null, password_temporary_until = null where id = $1",
            None,
            &[id.into()],
        )?;
        // What somebody asked for who knew the password: a change of the address above all.
        outbox::void(client, user, outbox::Void::AllLinks)?;
        client.update(
            "delete from auth.challenges where user_id = $1",
            None,
            &[id.into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    revoke_keys(user.id)?;
    session::end_sessions_of(user.id, None)?;
    let had_password = user.password_hash.is_some();
    if had_password {
        outbox::notice("notice_password_removed", user)?;
    }
    audit::success(
        "auth.email_confirmed",
        Some(user.id),
        context,
        json!({"method": method, "password_removed": had_password}),
    )
}

/// Keys of an account whose address was confirmed by nobody when they were made.
pub fn revoke_keys(user_id: [u8; 16]) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            "update auth.client_keys set revoked_at = pg_catalog.clock_timestamp() \
             where user_id = $1 and (revoked_at is null or revoked_at > pg_catalog.clock_timestamp())",
            None,
            &[Uuid::from_bytes(user_id).into()],
        )?;
        Ok(())
    })
}
