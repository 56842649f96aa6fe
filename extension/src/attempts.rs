//! Sign-in attempts, counted before they are judged: of a hundred guesses sent at once each sees those
//! that came before it, and none can be taken back.

use crate::error::Failure;
use crate::kept::Kept;
use crate::lookup::{Bound, Index};
use crate::{journal, owner};
use fluxbase_rules::lockout::Counted;
use pgrx::prelude::*;
use pgrx::{Inet, Uuid, pg_sys};
use std::net::IpAddr;

/// On (email, at).
const BY_EMAIL: Index = Index {
    table: c"login_attempts",
    name: c"login_attempts_email",
};

/// On (ip, at).
const BY_IP: Index = Index {
    table: c"login_attempts",
    name: c"login_attempts_ip",
};

/// On (at).
const BY_TIME: Index = Index {
    table: c"login_attempts",
    name: c"login_attempts_at",
};

/// So many seconds before a moment of PostgreSQL's, which counts microseconds.
fn before(moment: i64, seconds: i64) -> pg_sys::Datum {
    moment
        .saturating_sub(seconds.saturating_mul(1_000_000))
        .into()
}

/// One attempt, counted.
pub struct Attempt {
    place: journal::Place,
    id: Uuid,
    at: TimestampWithTimeZone,
    email: String,
    ip: Option<Inet>,
}

impl Attempt {
    /// Counts it, whatever becomes of the transaction. `email` is what is guessed at: the normalised address,
    /// empty for one that cannot exist; for a second factor or a code sent by mail a word, a space and whose,
    /// which no address can be.
    pub fn record(email: &str, ip: Option<IpAddr>) -> Result<Self, Failure> {
        let id = Uuid::from_bytes(fluxbase_rules::uuid::v4(owner::random()?));
        // SAFETY: reads the clock; PostgreSQL's timestamps are in the range of the type.
        let at = unsafe { TimestampWithTimeZone::try_from(pg_sys::GetCurrentTimestamp()) }
            .map_err(|_| Failure::broken("the clock is out of range"))?;
        let ip = ip.map(|ip| Inet(ip.to_string()));
        let place = journal::append(
            c"auth",
            c"login_attempts",
            &[
                id.into_datum(),
                at.into_datum(),
                email.into_datum(),
                ip.clone().into_datum(),
            ],
        )?;
        Ok(Self {
            place,
            id,
            at,
            email: email.to_owned(),
            ip,
        })
    }

    /// The attempts of the last `window_seconds` on this address and from this client, this one among them.
    pub fn counted(&self, window_seconds: i64) -> Result<Counted, Failure> {
        // SAFETY: reads the clock.
        let now = unsafe { pg_sys::GetCurrentTimestamp() };
        let since = before(now, window_seconds);
        let count = |index: &Index, value: Option<pg_sys::Datum>| match value {
            Some(value) => index.count(&[value], Some(Bound::After(since)), u64::MAX),
            None => Ok(0),
        };
        Ok(Counted {
            by_email: count(&BY_EMAIL, self.email.as_str().into_datum())?,
            by_ip: count(&BY_IP, self.ip.clone().into_datum())?,
        })
    }

    /// Not counted after all: it was refused unjudged. Otherwise whoever keeps trying keeps an account locked.
    pub fn withdraw(&self) -> Result<(), Failure> {
        if journal::remove(c"auth", c"login_attempts", self.place)? {
            return Ok(());
        }
        self.remove(self.id)
    }

    /// It was refused, and counts if it was `judged`. What is done, and so how long it takes, does not depend on that.
    pub fn refused(&self, judged: bool, window_seconds: i64) -> Result<(), Failure> {
        // No row has the id zero.
        self.remove(if judged {
            Uuid::from_bytes([0; 16])
        } else {
            self.id
        })?;
        sweep(window_seconds)
    }

    fn remove(&self, id: Uuid) -> Result<(), Failure> {
        Spi::connect_mut(|client| {
            client.update(
                Kept("delete from auth.login_attempts a where a.at = $1 and a.id = $2"),
                None,
                &[self.at.into(), id.into()],
            )?;
            Ok(())
        })
    }

    /// It was right: nothing counts against the address any more, but what came from the client still does.
    ///
    /// Its own row first, waited for: another success may be at it, and passing it over would leave it counting against
    /// the client. Rows that another sign-in of this address is at are passed over, its own it sees to itself. Whoever
    /// waits here holds the user, as whoever is waited for does.
    pub fn succeeded(&self) -> Result<(), Failure> {
        self.withdraw()?;
        let Some(email) = self.email.as_str().into_datum() else {
            return Ok(());
        };
        if BY_EMAIL.count(&[email], None, 1)? == 0 {
            return Ok(());
        }
        Spi::connect_mut(|client| {
            client.update(
                Kept("update auth.login_attempts a set email = null where a.ctid = any (array( \
                   select o.ctid from auth.login_attempts o where o.email = $1 for update skip locked))"),
                None,
                &[self.email.as_str().into()],
            )?;
            Ok(())
        })
    }
}

/// Removes some of what is older than any window. A few with each attempt are enough to keep up with one more
/// each, and nobody waits for a row that somebody else is removing.
///
/// now(), which stands still in a statement: compared with clock_timestamp() no index on `at` would be of use, and each
/// failure would read all those before it.
pub fn sweep(window_seconds: i64) -> Result<(), Failure> {
    // SAFETY: reads when the transaction began.
    let now = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
    let old = Bound::Before(before(now, window_seconds));
    if BY_TIME.count(&[], Some(old), 1)? == 0 {
        return Ok(());
    }
    Spi::connect_mut(|client| {
        client.update(
            Kept(
                "delete from auth.login_attempts a where a.ctid = any (array( \
               select o.ctid from auth.login_attempts o \
               where o.at < pg_catalog.now() - pg_catalog.make_interval(secs => $1) \
               order by o.at limit 8 for update skip locked))",
            ),
            None,
            &[(window_seconds as f64).into()],
        )?;
        Ok(())
    })
}
