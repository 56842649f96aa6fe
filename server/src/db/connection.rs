use super::dial::Dial;
use super::error::DbError;
use super::pool::Options;
use super::prepared::Prepared;
use super::spool::Slot;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::{ClientWrapper, ManagerConfig, RecyclingMethod};
use futures_util::future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio_postgres::Statement;

/// One session of `fluxbase_app` and what is prepared in it.
pub struct Connection {
    pub client: ClientWrapper,
    pub fixed: Fixed,
    pub prepared: Prepared<Statement>,
    /// The answer that was too large for memory.
    pub spooled: Slot,
    /// Whether it is spoken to in TLS.
    pub encrypted: Arc<AtomicBool>,
    /// What opened it. Each has its own, for the slot.
    sessions: deadpool_postgres::Manager,
}

/// The statements around every request.
pub struct Fixed {
    pub begin: Statement,
    pub begin_read_only: Statement,
    pub enter: Statement,
    pub enter_for: Statement,
    pub enter_anonymous: Statement,
    pub commit: Statement,
    pub rollback: Statement,
    pub check_constraints: Statement,
    pub set_time_zone: Statement,
}

/// Opens connections for the pool.
pub struct Opener {
    options: Arc<Options>,
}

impl Opener {
    pub fn new(options: Arc<Options>) -> Self {
        Self { options }
    }
}

impl Manager for Opener {
    type Type = Connection;
    type Error = DbError;

    async fn create(&self) -> Result<Connection, DbError> {
        // In a box: the pool puts this into every request's future three times over, and those thirty kilobytes were
        // moved about with each request.
        Box::pin(self.open())
            .await
            .map_err(|error| DbError::Unreachable(error.to_string()))
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        metrics: &Metrics,
    ) -> RecycleResult<DbError> {
        // What ended since it was given back is noticed here; anything newer costs one 503.
        connection
            .sessions
            .recycle(&mut connection.client, metrics)
            .await
            .map_err(|_| RecycleError::message("closed"))
    }

    fn detach(&self, connection: &mut Connection) {
        connection.sessions.detach(&mut connection.client);
    }
}

impl Opener {
    async fn open(&self) -> Result<Connection, DbError> {
        // Dropping the client on any way out of here ends its session.
        let spooled = Slot::new(Arc::clone(&self.options.spool_directory));
        let encrypted = Arc::<AtomicBool>::default();
        let dial = Dial {
            slot: spooled.clone(),
            tls: self.options.tls.clone(),
            encrypted: Arc::clone(&encrypted),
        };
        // Fast: no statement in between. A session that ended while idle is noticed without asking.
        let fast = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let config = self.options.config.clone();
        let sessions = deadpool_postgres::Manager::from_connect(config, dial, fast);
        let client = sessions.create().await?;
        let entering = future::try_join3(
            client.prepare("select auth.enter($1)"),
            client.prepare("select auth.enter($1, $2)"),
            client.prepare("select auth.enter_anonymous()"),
        );
        let ending = future::try_join3(
            client.prepare("commit"),
            client.prepare("rollback"),
            client.prepare("set constraints all immediate"),
        );
        let (begin, begin_read_only, entering, ending, set_time_zone) = future::try_join5(
            // Not just "begin": a default_transaction_read_only that a request left behind must not apply.
            client.prepare("begin read write"),
            client.prepare("begin read only"),
            entering,
            ending,
            client.prepare("select pg_catalog.set_config('timezone', $1, true)"),
        )
        .await?;
        let (enter, enter_for, enter_anonymous) = entering;
        let (commit, rollback, check_constraints) = ending;
        Ok(Connection {
            client,
            fixed: Fixed {
                begin,
                begin_read_only,
                enter,
                enter_for,
                enter_anonymous,
                commit,
                rollback,
                check_constraints,
                set_time_zone,
            },
            prepared: Prepared::new(self.options.prepared_statements),
            spooled,
            encrypted,
            sessions,
        })
    }
}
