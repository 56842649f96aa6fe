use super::error::DbError;
use super::pool::Options;
use super::prepared::Prepared;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use futures_util::future;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls, Statement};

/// One session of `fluxbase_app` and what is prepared in it.
pub struct Connection {
    pub client: Client,
    pub fixed: Fixed,
    pub prepared: Prepared<Statement>,
    driver: JoinHandle<()>,
}

/// The statements around every request.
pub struct Fixed {
    pub begin: Statement,
    pub begin_read_only: Statement,
    pub enter: Statement,
    pub enter_anonymous: Statement,
    pub commit: Statement,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens connections for the pool.
pub struct Opener(pub Arc<Options>);

impl Manager for Opener {
    type Type = Connection;
    type Error = DbError;

    async fn create(&self) -> Result<Connection, DbError> {
        open(&self.0)
            .await
            .map_err(|error| DbError::Unreachable(error.to_string()))
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<DbError> {
        // A session that ended while idle is noticed by its driver; anything newer costs one 503.
        if connection.client.is_closed() {
            return Err(RecycleError::message("closed"));
        }
        Ok(())
    }
}

async fn open(options: &Options) -> Result<Connection, DbError> {
    let (client, wire) = options.config.connect(NoTls).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = wire.await {
            tracing::warn!(error = %DbError::from(error), "a database connection ended");
        }
    });
    let fixed = future::try_join5(
        client.prepare("begin"),
        client.prepare("begin read only"),
        client.prepare("select auth.enter($1)"),
        client.prepare("select auth.enter_anonymous()"),
        client.prepare("commit"),
    )
    .await;
    let (begin, begin_read_only, enter, enter_anonymous, commit) = match fixed {
        Ok(fixed) => fixed,
        Err(error) => {
            driver.abort();
            return Err(error.into());
        }
    };
    Ok(Connection {
        client,
        fixed: Fixed {
            begin,
            begin_read_only,
            enter,
            enter_anonymous,
            commit,
        },
        prepared: Prepared::new(options.prepared_statements),
        driver,
    })
}
