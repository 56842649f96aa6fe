use super::Problem;
use crate::config::Database;
use crate::db::DbError;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// An administrator's session, for the commands that need rights.
pub async fn connect(database: &Database) -> Result<Client, Problem> {
    let mut config = database.admin()?.0.clone();
    config
        .application_name("fluxbase admin")
        .connect_timeout(Duration::from_secs(10));
    let (client, wire) = config
        .connect(NoTls)
        .await
        .map_err(failed("cannot connect to database.admin_url"))?;
    tokio::spawn(async move {
        if let Err(error) = wire.await {
            eprintln!("fluxbase: the administrator's session ended: {error}");
        }
    });
    Ok(client)
}

/// PostgreSQL's own words: the administrator may read them.
pub fn failed(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Problem {
    move |error| Problem::Database {
        doing,
        error: DbError::from(error),
    }
}
