//! Reading the extension's own tables on behalf of callers who may not.

use crate::error::Failure;
use pgrx::pg_sys;
use pgrx::spi::{Spi, SpiClient};

/// The caller's user id, put back when dropped.
struct AsOwner {
    user: pg_sys::Oid,
    context: i32,
}

impl AsOwner {
    fn begin() -> Result<Self, Failure> {
        let mut caller = Self {
            user: pg_sys::InvalidOid,
            context: 0,
        };
        // SAFETY: what PostgreSQL itself does around a SECURITY DEFINER call; an aborting transaction puts the
        // user back as well.
        unsafe {
            let owner = pg_sys::get_role_oid(c"fluxbase_admin".as_ptr(), true);
            if owner == pg_sys::InvalidOid {
                return Err(Failure::broken("role \"fluxbase_admin\" does not exist"));
            }
            pg_sys::GetUserIdAndSecContext(&raw mut caller.user, &raw mut caller.context);
            pg_sys::SetUserIdAndSecContext(
                owner,
                caller.context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32,
            );
        }
        Ok(caller)
    }
}

impl Drop for AsOwner {
    fn drop(&mut self) {
        // SAFETY: restores what `begin` saved.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) }
    }
}

/// Runs queries as the owner of the tables, on what is committed now.
///
/// The snapshot is a new one even in a REPEATABLE READ transaction: what is read here is remembered for
/// later transactions, and an old snapshot would bring back a session that has ended since.
///
/// The caller's search_path is in force: queries name their operators and functions with the schema, or
/// use none.
pub fn read<T>(query: impl FnOnce(&SpiClient<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let _caller = AsOwner::begin()?;
    // SAFETY: pushed and popped in pairs; an error in between aborts the transaction, which pops it.
    unsafe { pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot()) };
    let result = Spi::connect(query);
    // SAFETY: as above.
    unsafe { pg_sys::PopActiveSnapshot() };
    result
}

/// Seconds since 1970, by the wall clock: the start of a long transaction is no time to judge a token by.
pub fn now() -> fluxbase_rules::UnixSeconds {
    // SAFETY: reads the clock.
    unix_seconds(unsafe { pg_sys::GetCurrentTimestamp() })
}

/// PostgreSQL counts microseconds since 2000-01-01.
pub fn unix_seconds(timestamp: i64) -> fluxbase_rules::UnixSeconds {
    timestamp.div_euclid(1_000_000) + 946_684_800
}

/// Random bytes from the operating system. PostgreSQL's come from there too, but by way of OpenSSL: with the caches as cold as
/// a hash leaves them that took 20 µs each time, and a sign-in asks five times.
pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::broken(format!("no random bytes could be had: {error}")))?;
    Ok(bytes)
}
