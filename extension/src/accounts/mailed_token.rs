//! A token that came by mail, shown: whose it is, and whether it is still good.

use super::user::{self, User};
use super::{Context, Stop, missing, refused};
use crate::audit;
use crate::error::Failure;
use crate::kept::Kept;
use pgrx::Uuid;
use pgrx::prelude::*;

/// A row whose token was shown.
pub struct Shown {
    id: Uuid,
    user_id: Option<[u8; 16]>,
    pub kind: String,
    /// Where it was sent, where that matters.
    pub email: Option<String>,
    used: bool,
    expired: bool,
    /// It came by mail, and was not handed to somebody who showed a password.
    pub mailed: bool,
    /// What it is for, in the audit.
    pub event: &'static str,
}

/// The row of a token, locked: of two who show it at once one is too late.
///
/// `kinds` are those that count here, each with the event that a refusal is written down as, where the token was somebody's. One that never was cannot be guessed, and
/// whoever sends random ones could fill the audit with them.
pub fn shown(
    token: Option<&str>,
    kinds: &[(&str, &'static str)],
    context: &Context,
) -> Result<Shown, Stop> {
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| missing("token"))?;
    let hash = super::session::sha256(token)?;
    lock_owner(hash)?;
    let names: Vec<&str> = kinds.iter().map(|(kind, _)| *kind).collect();
    let found = Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("select t.id, t.user_id, t.used_at is not null, t.expires_at <= pg_catalog.clock_timestamp(), t.mail_attempts > 0, t.kind, t.email \
             from auth.one_time_tokens t where t.token_hash = $1 and t.kind = any ($2) for update"),
            Some(1),
            &[hash.to_vec().into(), names.into()],
        )?;
        let Some(row) = rows.into_iter().next() else {
            return Ok::<_, Failure>(None);
        };
        let kind = row.get::<String>(6)?.unwrap_or_default();
        let event = kinds.iter().find(|(name, _)| *name == kind);
        Ok(Some(Shown {
            event: event.map_or("auth.login", |(_, event)| event),
            kind,
            email: row.get::<String>(7)?,
            id: row
                .get::<Uuid>(1)?
                .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
            user_id: row.get::<Uuid>(2)?.map(|id| *id.as_bytes()),
            used: row.get::<bool>(3)?.unwrap_or(true),
            expired: row.get::<bool>(4)?.unwrap_or(true),
            mailed: row.get::<bool>(5)?.unwrap_or(false),
        }))
    })?;
    let Some(row) = found else {
        return Err(invalid_link());
    };
    let (reason, refusal) = if row.used {
        ("link_used", used_link())
    } else if row.expired {
        ("link_expired", expired_link())
    } else {
        return Ok(row);
    };
    audit::failure(row.event, reason, row.user_id, context)?;
    Err(refusal)
}

pub fn invalid_link() -> Stop {
    refused("INVALID_TOKEN", "This link is not valid")
}

fn used_link() -> Stop {
    refused("TOKEN_USED", "This link has been used already")
}

fn expired_link() -> Stop {
    refused("TOKEN_EXPIRED", "This link has expired")
}

/// Locks the user a token is of: two different links of one user, shown at once, would otherwise wait for each other.
fn lock_owner(token_hash: [u8; 32]) -> Result<(), Failure> {
    let owner = Spi::connect(|client| {
        let rows = client.select(
            Kept("select t.user_id from auth.one_time_tokens t where t.token_hash = $1"),
            Some(1),
            &[token_hash.to_vec().into()],
        )?;
        match rows.into_iter().next() {
            Some(row) => Ok::<_, Failure>(row.get::<Uuid>(1)?),
            None => Ok(None),
        }
    })?;
    if let Some(owner) = owner {
        user::lock(*owner.as_bytes())?;
    }
    Ok(())
}

impl Shown {
    /// The one it is of, locked.
    pub fn user(&self, context: &Context) -> Result<User, Stop> {
        let user = match self.user_id {
            Some(id) => user::lock(id)?,
            None => None,
        };
        let user = user.ok_or_else(invalid_link)?;
        if user.disabled {
            audit::failure(self.event, "disabled", Some(user.id), context)?;
            return Err(invalid_link());
        }
        Ok(user)
    }

    /// It is good for nothing any more.
    pub fn use_up(&self) -> Result<(), Failure> {
        Spi::connect_mut(|client| {
            client.update(
                Kept("update auth.one_time_tokens set used_at = pg_catalog.clock_timestamp() where id = $1"),
                None,
                &[self.id.into()],
            )?;
            Ok(())
        })
    }
}
