//! The public keys: read when the database says that they changed, and when a token names a key that is not among them.
//!
//! A notification takes some milliseconds, and whoever signed in right after a rotation would be refused for so long.

use super::{Session, load};
use crate::app::{Shared, Worker};
use crate::db::DbError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// How long a request waits for whoever reads the keys, and then for its own reading.
const PATIENCE: Duration = Duration::from_secs(1);

/// Anybody can make up the name of a key. After one that nobody has, none is looked for during this time: while somebody
/// floods the server with such names, a new key is known when the notification comes and not before.
const PAUSE: Duration = Duration::from_secs(1);

/// Whoever reads the keys holds this until they are published, so that what was read last is published last. In it: when a
/// key was last looked for in vain.
#[derive(Default)]
pub struct Turn(Mutex<Option<Instant>>);

/// Reads the keys and publishes them.
pub(super) async fn read(shared: &Shared, session: &Session) -> Result<(), DbError> {
    let _turn = shared.keys_turn.0.lock().await;
    let jwks = load::jwks(session).await?;
    publish(shared, jwks)
}

/// Asks the database for its keys when a token names one that is `unknown` here. It may stay unknown.
pub async fn look_for_key(worker: &Worker, unknown: impl Fn() -> bool) {
    let shared = &worker.shared;
    let Ok(mut in_vain) = timeout(PATIENCE, shared.keys_turn.0.lock()).await else {
        return;
    };
    // Of many who wait here for one key the first has brought it.
    if !unknown() || !may_ask(*in_vain, Instant::now()) {
        return;
    }
    // Before the answer: whoever hangs up meanwhile has had a reading all the same.
    *in_vain = Some(Instant::now());
    let asked = timeout(PATIENCE, ask(worker)).await;
    let published = asked.unwrap_or(Err(DbError::Silent));
    if let Err(error) = published.and_then(|jwks| publish(shared, jwks)) {
        tracing::warn!(%error, "cannot look for the key that a token names");
    }
    *in_vain = unknown().then(Instant::now);
}

fn may_ask(in_vain: Option<Instant>, now: Instant) -> bool {
    in_vain.is_none_or(|then| now.saturating_duration_since(then) >= PAUSE)
}

/// Not on the listening session: there the catalog may be read just now, in a transaction that is older than the key.
async fn ask(worker: &Worker) -> Result<String, DbError> {
    const SQL: &str = "select auth.jwks()::pg_catalog.text";
    let answer = worker.db.call(SQL, &[]).await?;
    let jwks = answer.bytes(0)?.unwrap_or_default();
    String::from_utf8(jwks.into()).map_err(|error| DbError::Unreadable(error.to_string()))
}

/// Only when they differ: a new generation makes every worker verify all tokens anew.
fn publish(shared: &Shared, jwks: String) -> Result<(), DbError> {
    if **shared.jwks.load() != jwks {
        let keys = load::keys(&jwks, &shared.config.auth)?;
        shared.keys.store(Arc::new(keys));
        shared.jwks.store(Arc::new(jwks.into()));
        tracing::info!("public keys read");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PAUSE, may_ask};
    use std::time::{Duration, Instant};

    #[test]
    fn after_a_key_that_nobody_has_the_database_is_left_alone_for_a_while() {
        let now = Instant::now();
        assert!(may_ask(None, now));
        assert!(!may_ask(Some(now), now));
        assert!(!may_ask(Some(now), now + PAUSE - Duration::from_millis(1)));
        assert!(may_ask(Some(now), now + PAUSE));
        // Of another thread's clock.
        assert!(!may_ask(Some(now + Duration::from_millis(1)), now));
    }
}
