use super::Problem;
use crate::catalog::{Session, Snapshot, differing_settings};
use crate::config::Config;
use crate::db::{Db, Options};
use std::sync::Arc;

/// Says whether `serve` would start.
pub async fn check(config: Config) -> Result<(), Problem> {
    let options = Arc::new(Options::new(&config.database)?);
    let (_, snapshot) = ready(&config, &options).await?;
    println!(
        "configuration and database agree; {} relations served",
        snapshot.catalog.relations().len()
    );
    Ok(())
}

/// Connects, compares the settings and reads what the first request needs.
pub async fn ready(
    config: &Config,
    options: &Arc<Options>,
) -> Result<(Session, Snapshot), Problem> {
    let session = Session::open(options)
        .await
        .map_err(Problem::database("cannot connect to database.url"))?;
    let names = differing_settings(&session, &config.auth)
        .await
        .map_err(Problem::database(
            "cannot compare settings (is the extension installed? `fluxbase migrate` does it)",
        ))?;
    if !names.is_empty() {
        return Err(Problem::SettingsDiffer { names });
    }
    let snapshot = Snapshot::read(&session, &config.api.schemas, &config.auth)
        .await
        .map_err(Problem::database("cannot read the catalog"))?;
    // The same connection a request gets: this proves that its first statements can be prepared.
    Db::new(Arc::clone(options), 1)
        .map_err(Problem::database("cannot make a pool"))?
        .ping()
        .await
        .map_err(Problem::database("cannot prepare a connection"))?;
    Ok((session, snapshot))
}
