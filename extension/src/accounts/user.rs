//! A user as read from the table.

use crate::error::Failure;
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::lookup::Index;
use crate::owner;
use fluxbase_rules::UnixSeconds;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::Value;

/// What acts need of a user.
pub struct User {
    pub id: [u8; 16],
    pub email: Option<String>,
    pub role: String,
    pub user_metadata: String,
    pub app_metadata: String,
    pub is_anonymous: bool,
    pub email_verified: bool,
    pub disabled: bool,
    pub password_hash: Option<String>,
    pub password_changed_at: UnixSeconds,
    /// The password is not the user's own choice, and good until then.
    pub temporary_until: Option<UnixSeconds>,
    /// A second factor is set up.
    pub has_factor: bool,
    /// The shape that leaves the database.
    pub object: Value,
}

impl User {
    /// The hash of a password that must not become the lasting one.
    pub fn temporary_hash(&self) -> Option<&str> {
        self.temporary_until.and(self.password_hash.as_deref())
    }
}

/// The columns of `User`, of `auth.users as u`.
macro_rules! columns {
    () => {
        "u.id, u.email, u.role, u.user_metadata::text, u.app_metadata::text, u.is_anonymous, u.email_verified, \
         u.disabled_at is not null, u.password_hash, u.password_changed_at, u.password_temporary_until, auth.user_object(u)"
    };
}
pub(super) use columns;

/// The first row of [`columns`].
pub fn first(rows: pgrx::spi::SpiTupleTable<'_>) -> Result<Option<User>, Failure> {
    let Some(user) = made(rows)? else {
        return Ok(None);
    };
    let has_factor = has_factor(Uuid::from_bytes(user.id))?;
    Ok(Some(User { has_factor, ..user }))
}

/// The same of a user who was made just now, and so has no factor.
pub fn made(rows: pgrx::spi::SpiTupleTable<'_>) -> Result<Option<User>, Failure> {
    let Some(row) = rows.into_iter().next() else {
        return Ok(None);
    };
    let text =
        |place| -> Result<String, Failure> { Ok(row.get::<String>(place)?.unwrap_or_default()) };
    let flag = |place| -> Result<bool, Failure> { Ok(row.get::<bool>(place)?.unwrap_or_default()) };
    Ok(Some(User {
        id: row
            .get::<Uuid>(1)?
            .map(|id| *id.as_bytes())
            .unwrap_or_default(),
        email: row.get::<String>(2)?,
        role: text(3)?,
        user_metadata: text(4)?,
        app_metadata: text(5)?,
        is_anonymous: flag(6)?,
        email_verified: flag(7)?,
        disabled: flag(8)?,
        password_hash: row.get::<String>(9)?,
        password_changed_at: row
            .get::<TimestampWithTimeZone>(10)?
            .map_or(0, |at| owner::unix_seconds(at.into_inner())),
        temporary_until: row
            .get::<TimestampWithTimeZone>(11)?
            .map(|at| owner::unix_seconds(at.into_inner())),
        has_factor: false,
        object: row
            .get::<JsonB>(12)?
            .map(|object| object.0)
            .unwrap_or_default(),
    }))
}

/// Asked apart from the row and after it: a statement that waits for a lock sees of the row what is new and of factors what
/// there was before, and then who sets one up during a sign-in would be let in without it.
fn has_factor(user: Uuid) -> Result<bool, Failure> {
    const CONFIRMED: Index = Index {
        table: c"totp_factors",
        name: c"totp_factors_confirmed",
    };
    match user.into_datum() {
        Some(user) => Ok(CONFIRMED.count(&[user], None, 1)? > 0),
        None => Ok(false),
    }
}

pub fn by_id(id: [u8; 16]) -> Result<Option<User>, Failure> {
    Spi::connect(|client| {
        first(client.select(
            Kept(concat!(
                "select ",
                columns!(),
                " from auth.users u where u.id = $1"
            )),
            Some(1),
            &[Uuid::from_bytes(id).into()],
        )?)
    })
}

/// Locks these users, in the order in which everybody locks several: see "Who waits for whom" in ARCHITECTURE.md.
pub fn hold(ids: &[[u8; 16]]) -> Result<(), Failure> {
    let ids: Vec<Uuid> = ids.iter().copied().map(Uuid::from_bytes).collect();
    Spi::connect_mut(|client| {
        client.update(
            Kept("select auth.hold_users(variadic $1)"),
            None,
            &[ids.into()],
        )?;
        Ok(())
    })
}

/// The user, locked until the transaction ends: two changes of one account wait for each other.
pub fn lock(id: [u8; 16]) -> Result<Option<User>, Failure> {
    Spi::connect_mut(|client| {
        first(client.update(
            Kept(concat!(
                "select ",
                columns!(),
                " from auth.users u where u.id = $1 for no key update of u"
            )),
            Some(1),
            &[Uuid::from_bytes(id).into()],
        )?)
    })
}

/// The same, if the user is not disabled and the password that was right still is theirs; it is stored under another hash if
/// there is one.
pub fn lock_if_still(
    id: [u8; 16],
    hash: &str,
    replacement: Option<&str>,
) -> Result<Option<User>, Failure> {
    let id = Uuid::from_bytes(id);
    Spi::connect_mut(|client| {
        first(match replacement {
            None => client.update(
                Kept(concat!(
                    "select ",
                    columns!(),
                    " from auth.users u where u.id = $1 and u.password_hash = $2 and u.disabled_at is null \
                     for no key update of u"
                )),
                Some(1),
                &[id.into(), hash.into()],
            )?,
            // Not `touch`: a hash of the same password with other parameters changes no user.
            Some(replacement) => client.update(
                Kept(concat!(
                    "update auth.users as u set password_hash = $3 \
                     where u.id = $1 and u.password_hash = $2 and u.disabled_at is null returning ",
                    columns!()
                )),
                None,
                &[id.into(), hash.into(), replacement.into()],
            )?,
        })
    })
}
