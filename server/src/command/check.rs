use super::Problem;
use crate::catalog::{Session, Snapshot, differing_settings, unmet};
use crate::config::Config;
use crate::db::{Db, DbError, Options};
use crate::graphiql;
use crate::graphql::Documents;
use std::sync::Arc;

/// Says whether `serve` would start.
pub async fn check(config: Config) -> Result<(), Problem> {
    let options = Arc::new(Options::new(&config.database, &config.api, &config.server)?);
    graphiql::require(&config.graphql)?;
    Documents::load(&config.graphql)?;
    let (_, snapshot) = ready(&config, &options).await?;
    println!(
        "configuration and database agree; {} relations served",
        snapshot.shape.catalog.relations().len()
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
    require_bound_login(&session)
        .await
        .map_err(Problem::database(
            "cannot look up the login of database.url",
        ))?
        .map_err(|login| Problem::LoginNotBound { login })?;
    let names = differing_settings(&session, &config.auth)
        .await
        .map_err(Problem::database(
            "cannot compare settings (is the extension installed? `fluxbase migrate` does it)",
        ))?;
    if !names.is_empty() {
        return Err(Problem::SettingsDiffer {
            names: config.auth.told(&names),
        });
    }
    let unmet = unmet(&session, config)
        .await
        .map_err(Problem::database("cannot compare settings"))?;
    if let Some(demand) = unmet.first() {
        return Err(Problem::Unservable {
            name: demand.name,
            why: demand.why,
        });
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

/// The server must not be able to do what it forwards without the token: a login that is no member of
/// `fluxbase_app` could answer requests with its own rights, and a superuser is bound by nothing.
async fn require_bound_login(session: &Session) -> Result<Result<(), String>, DbError> {
    let row = session
        .client()
        .query_one(
            "select r.rolname::pg_catalog.text, not r.rolsuper and exists (\
               select from pg_catalog.pg_roles a where a.rolname = 'fluxbase_app' \
               and pg_catalog.pg_has_role(r.oid, a.oid, 'member')) \
             from pg_catalog.pg_roles r where r.rolname = session_user",
            &[],
        )
        .await?;
    let (login, bound): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
    Ok(if bound { Ok(()) } else { Err(login) })
}
