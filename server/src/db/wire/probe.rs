//! Finding out whether PostgreSQL is back.

use super::open::{Opened, open};
use super::pool::Pool;
use crate::db::error::DbError;
use crate::db::pool::Options;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_postgres::Config;

/// First and longest pause before PostgreSQL is tried again when nobody asks for it.
pub const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// The one that looks whether PostgreSQL is back, more often while somebody wants it.
pub async fn probe(pool: Weak<Pool>, wanted: Rc<Notify>, options: Arc<Options>, seed: u64) {
    let mut pause = BACKOFF.0;
    let mut dice = seed | 1;
    loop {
        // Xorshift. Not all workers, and not all servers, shall come in the same moment.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let jitter = BACKOFF.0.mul_f64((dice % 256) as f64 / 256.0);
        tokio::time::sleep(BACKOFF.0 + jitter).await;
        let _ = tokio::time::timeout(pause - BACKOFF.0, wanted.notified()).await;
        let opened = in_time(&options, &options.config).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        match opened {
            Ok(opened) => {
                pool.is_back();
                return pool.add(opened);
            }
            Err(error) => pool.missed(&error),
        }
        pause = (pause * 2).min(BACKOFF.1);
    }
}

/// Opens a session, or gives up.
///
/// # Errors
/// Why there is none.
pub async fn in_time(options: &Options, config: &Config) -> Result<Opened, DbError> {
    tokio::time::timeout(options.connect_timeout, open(config, &options.tls))
        .await
        .unwrap_or_else(|_| {
            Err(DbError::Unreachable(
                "opening a connection took too long".into(),
            ))
        })
}
