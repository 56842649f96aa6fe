use super::Problem;
use super::admin::{connect, failed};
use crate::config::Config;

/// Prints one key per line, named as clients name the variable they read it from.
pub async fn keys(config: &Config) -> Result<(), Problem> {
    let client = connect(&config.database).await?;
    for (variable, role) in [
        ("FLUXBASE_ANON_KEY", "anon"),
        ("FLUXBASE_SERVICE_KEY", "service_role"),
    ] {
        let row = client
            .query_one("select auth.mint_key($1)", &[&role])
            .await
            .map_err(failed("cannot mint a key"))?;
        let key: String = row.try_get(0).map_err(failed("cannot mint a key"))?;
        println!("{variable}={key}");
    }
    Ok(())
}
