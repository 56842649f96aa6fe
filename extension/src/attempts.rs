//! Sign-in attempts, counted before they are judged: of a hundred guesses sent at once each sees those
//! that came before it, and none can be taken back.

use crate::error::Failure;
use crate::kept::Kept;
use crate::{journal, owner};
use fluxbase_rules::lockout::Counted;
use pgrx::prelude::*;
use pgrx::spi::SpiTupleTable;
use pgrx::{Inet, Uuid, pg_sys};
use std::net::IpAddr;

/// One attempt, counted.
pub struct Attempt {
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
        let attempt = Self {
            id: Uuid::from_bytes(fluxbase_rules::uuid::v4(owner::random()?)),
            // SAFETY: reads the clock; PostgreSQL's timestamps are in the range of the type.
            at: unsafe { TimestampWithTimeZone::try_from(pg_sys::GetCurrentTimestamp()) }
                .map_err(|_| Failure::broken("the clock is out of range"))?,
            email: email.to_owned(),
            ip: ip.map(|ip| Inet(ip.to_string())),
        };
        journal::append(
            c"auth",
            c"login_attempts",
            &[
                attempt.id.into_datum(),
                attempt.at.into_datum(),
                attempt.email.as_str().into_datum(),
                attempt.ip.clone().into_datum(),
            ],
        )?;
        Ok(attempt)
    }

    /// The attempts of the last `window_seconds` on this address and from this client, this one among them.
    pub fn counted(&self, window_seconds: i64) -> Result<Counted, Failure> {
        let window = window_seconds as f64;
        Spi::connect(|client| {
            let number = |rows: SpiTupleTable<'_>| -> Result<u64, Failure> {
                Ok(rows
                    .first()
                    .get_one::<i64>()?
                    .and_then(|number| u64::try_from(number).ok())
                    .unwrap_or(0))
            };
            let by_email = number(client.select(
                Kept(
                    "select pg_catalog.count(*) from auth.login_attempts a \
                     where a.email = $1 and a.at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)",
                ),
                Some(1),
                &[self.email.as_str().into(), window.into()],
            )?)?;
            // Two statements: for a NULL here PostgreSQL planned one of both anew each time.
            let by_ip = match &self.ip {
                None => 0,
                Some(ip) => number(client.select(
                    Kept(
                        "select pg_catalog.count(*) from auth.login_attempts a \
                         where a.ip = $1 and a.at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2)",
                    ),
                    Some(1),
                    &[ip.clone().into(), window.into()],
                )?)?,
            };
            Ok(Counted { by_email, by_ip })
        })
    }

    /// Not counted after all: it was refused unjudged. Otherwise whoever keeps trying keeps an account locked.
    pub fn withdraw(&self) -> Result<(), Failure> {
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
