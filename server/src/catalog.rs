//! The snapshot of the database's shape, and of its public keys, kept current.
//!
//! One session beside the pools listens for `fluxbase_catalog` (any DDL), `fluxbase_keys` and `fluxbase_key_limits`, reads
//! what changed and publishes it whole; requests under way keep the snapshot they began with. Memberships of roles change
//! without a word, so they are asked for. When
//! the session is lost everything is read again after reconnecting, since notifications may have
//! been missed.

mod keys;
mod load;
mod session;

pub use keys::{Turn, look_for_key};
pub use load::{Shape, Snapshot, differing_settings, unmet};
pub use session::Session;

use crate::app::Shared;
use crate::config::Config;
use crate::db::DbError;
use crate::graphql::Schemas;
use fluxbase_compiler::catalog::Catalog;
use session::Change;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior};

/// First and longest pause before trying again to reach the database.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// A migration is many statements; reading once after the last of a burst is enough.
const QUIET: Duration = Duration::from_millis(20);

/// Keys end by the clock, without a notification, and a session can die without a word. At this
/// interval the keys are read anyway.
const INTERVAL: Duration = Duration::from_secs(60);

/// So late is what a role may do by a membership told to it; whether it may, PostgreSQL decides at once.
const MEMBERSHIPS: Duration = Duration::from_secs(1);

/// Longer than any of these queries takes; after it the session is taken for dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// Numbers for generations of catalog and keys; never reused within the process.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// The next number.
pub fn next_generation() -> u64 {
    GENERATION.fetch_add(1, Ordering::Relaxed)
}

/// What requests are planned with: swapped whole, so that no request sees the one of before and the other of after.
pub struct Served {
    /// The relations and functions.
    pub catalog: Catalog,
    /// What they are in GraphQL, unless that is switched off.
    pub graphql: Option<Schemas>,
    /// The memberships that rights were reckoned by.
    memberships: String,
}

impl Served {
    /// With all that follows from the catalog.
    #[must_use]
    pub fn new(shape: Shape, config: &Config) -> Self {
        let enabled = config.graphql.enabled;
        Self {
            graphql: enabled.then(|| Schemas::build(&shape.catalog, config)),
            catalog: shape.catalog,
            memberships: shape.memberships,
        }
    }
}

/// Keeps `shared` current until the process ends.
pub async fn watch(shared: Arc<Shared>, first: Session, options: Arc<crate::db::Options>) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut session = Some(first);
    let mut pause = BACKOFF.0;
    loop {
        let current = match session.take() {
            Some(session) => Ok(session),
            None => reconnect(&shared, &options).await,
        };
        match current {
            Ok(session) => {
                pause = BACKOFF.0;
                shared.listener.store(Some(session.client()));
                let error = follow(&shared, session, &mut hangup).await;
                shared.listener.store(None);
                tracing::warn!(%error, "the listening session ended; connecting again");
            }
            Err(error) => {
                tracing::debug!(%error, "the database is not back yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(BACKOFF.1);
            }
        }
    }
}

async fn reconnect(shared: &Shared, options: &crate::db::Options) -> Result<Session, DbError> {
    let session = Session::open(options).await?;
    refresh(shared, &session, Change::ALL).await?;
    tracing::info!("connected to the database again");
    Ok(session)
}

/// Follows one session until it breaks.
async fn follow(shared: &Shared, mut session: Session, hangup: &mut Option<Signal>) -> DbError {
    let [mut keys, mut memberships] = [INTERVAL, MEMBERSHIPS].map(every);
    let asking = match load::Memberships::prepare(&session).await {
        Ok(asking) => asking,
        Err(error) => return error,
    };
    loop {
        let change = tokio::select! {
            change = session.changed() => match change {
                Some(change) => change,
                None => return DbError::Lost("the session was closed".into()),
            },
            () = next_hangup(hangup) => {
                tracing::info!("SIGHUP: reading catalog and keys again");
                Change::ALL
            }
            _ = keys.tick() => Change {
                catalog: false,
                ..Change::ALL
            },
            _ = memberships.tick() => match moved(shared, &asking).await {
                Ok(false) => continue,
                Ok(true) => Change {
                    catalog: true,
                    ..Change::default()
                },
                Err(error) => return error,
            },
        };
        tokio::time::sleep(QUIET).await;
        let change = session.drain(change);
        if let Err(error) = refresh(shared, &session, change).await {
            return error;
        }
    }
}

/// First after `period`. What was missed while a catalog was read is not made up for.
fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

async fn next_hangup(hangup: &mut Option<Signal>) {
    match hangup {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether the catalog was read under other memberships than there are now.
async fn moved(shared: &Shared, asking: &load::Memberships) -> Result<bool, DbError> {
    let now = tokio::time::timeout(PATIENCE, asking.now()).await;
    Ok(now.unwrap_or(Err(DbError::Silent))? != shared.served.load().memberships)
}

/// Reads what changed and publishes it.
async fn refresh(shared: &Shared, session: &Session, change: Change) -> Result<(), DbError> {
    if change.key_limits {
        shared.limiter.keys.forget();
    }
    let work = async {
        if change.catalog {
            match load::catalog(session, &shared.config.api.schemas).await {
                Ok(shape) => {
                    let relations = shape.catalog.relations().len();
                    tracing::debug!(relations, "catalog read");
                    let served = Served::new(shape, &shared.config);
                    shared.served.store(Arc::new(served));
                }
                // Requests go on with the snapshot there is: better than none.
                Err(error) if !error.breaks_connection() => {
                    tracing::error!(%error, "cannot read the catalog");
                }
                Err(error) => return Err(error),
            }
        }
        if change.keys {
            match keys::read(shared, session).await {
                Ok(()) => {}
                Err(error) if !error.breaks_connection() => {
                    tracing::error!(%error, "cannot read the public keys");
                }
                Err(error) => return Err(error),
            }
            let differing = load::differing_settings(session, &shared.config.auth).await?;
            if !differing.is_empty() {
                tracing::error!(
                    settings = shared.config.auth.told(&differing),
                    "the database's settings no longer agree with the auth section of the configuration"
                );
            }
            for demand in load::unmet(session, &shared.config).await? {
                tracing::error!(
                    setting = demand.name,
                    why = demand.why,
                    "a setting of the database asks for what this server cannot do"
                );
            }
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or(Err(DbError::Silent))
}
