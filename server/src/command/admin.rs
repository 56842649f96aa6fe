use super::Problem;
use crate::config::Database;
use crate::db::{self, DbError, Tls};
use std::time::Duration;
use tokio_postgres::Client;

/// An administrator's session, for the commands that need rights.
pub async fn connect(database: &Database) -> Result<Client, Problem> {
    let login = database.admin()?;
    let tls = Tls::load(&login.tls)?;
    let mut config = login.config.clone();
    config
        .application_name("fluxbase admin")
        .connect_timeout(Duration::from_secs(10));
    let (client, wire) = db::connect(&config, &tls)
        .await
        .map_err(Problem::database("cannot connect to database.admin_url"))?;
    tokio::spawn(async move {
        if let Err(error) = wire.await {
            eprintln!("fluxbase: the administrator's session ended: {error}");
        }
    });
    keep_parameters_out_of_logs(&client).await?;
    Ok(client)
}

/// Passwords and secrets are bound here too. Who is no superuser may not say so, and is left to the role's settings.
async fn keep_parameters_out_of_logs(client: &Client) -> Result<(), Problem> {
    client
        .execute(
            "select pg_catalog.set_config(s.name, q.value, false) from pg_catalog.pg_settings s \
             join (values ('log_parameter_max_length', '0'), ('log_parameter_max_length_on_error', '0'), \
               ('auto_explain.log_verbose', 'off'), ('auto_explain.log_parameter_max_length', '0'), \
               ('pgaudit.log_parameter', 'off')) as q (name, value) on q.name = s.name \
             where pg_catalog.current_setting('is_superuser')::boolean",
            &[],
        )
        .await
        .map_err(failed("cannot keep parameters out of the log"))?;
    Ok(())
}

/// PostgreSQL's own words: the administrator may read them.
pub fn failed(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Problem {
    move |error| Problem::Database {
        doing,
        error: DbError::from(error),
    }
}
