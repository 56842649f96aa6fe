use super::Problem;
use super::admin::{connect, failed};
use crate::config::{Config, Login};
use postgres_protocol::password::scram_sha_256;
use tokio_postgres::Client;

/// The logins of the server and of its mailer, made by the extension.
const LOGINS: [&str; 2] = ["fluxbase_app", "fluxbase_mailer"];

/// Brings the database to what this configuration needs. Running it again changes nothing.
pub async fn migrate(config: &Config) -> Result<(), Problem> {
    let client = connect(&config.database).await?;
    client
        .batch_execute("create extension if not exists fluxbase; alter extension fluxbase update")
        .await
        .map_err(failed("cannot install the extension"))?;
    keep_parameters_out_of_logs(&client).await?;
    let logins = [&config.database.login, &config.email.login];
    for login in logins.into_iter().flatten() {
        set_password(&client, login).await?;
    }
    for setting in &config.auth.given {
        client
            .execute(
                "select auth.configure($1, $2)",
                &[&setting.name, &setting.text],
            )
            .await
            .map_err(failed("cannot apply the auth section"))?;
    }
    println!(
        "extension installed, {} settings applied",
        config.auth.given.len()
    );
    Ok(())
}

/// What the server binds are tokens, passwords and rows. PostgreSQL writes the parameters of logged
/// statements into its log (log_statement, log_min_duration_statement) unless the role says
/// otherwise, and so do auto_explain and pgaudit; the server's login has not the right to say so itself.
async fn keep_parameters_out_of_logs(client: &Client) -> Result<(), Problem> {
    client
        .batch_execute(
            "alter role fluxbase_app set log_parameter_max_length = 0; \
             alter role fluxbase_app set log_parameter_max_length_on_error = 0; \
             alter role fluxbase_app set auto_explain.log_verbose = off; \
             alter role fluxbase_app set pgaudit.log_parameter = off; \
             do $$ begin if current_setting('server_version_num')::integer >= 160000 then \
               alter role fluxbase_app set auto_explain.log_parameter_max_length = 0; end if; end $$",
        )
        .await
        .map_err(failed(
            "cannot keep parameters of fluxbase_app out of the log",
        ))
}

/// Gives one of our logins the password of its URL. The verifier is computed here, so that no
/// log of the database ever holds the password.
async fn set_password(client: &Client, login: &Login) -> Result<(), Problem> {
    let (Some(user), Some(password)) = (login.config.get_user(), login.config.get_password())
    else {
        return Ok(());
    };
    let Some(role) = LOGINS.into_iter().find(|role| *role == user) else {
        return Ok(());
    };
    let statement = password_statement(role, &scram_sha_256(password));
    client
        .batch_execute(&statement)
        .await
        .map_err(failed("cannot set the password of a login"))
}

/// ALTER ROLE takes no parameters. A verifier is base64 with `$` and `:`; quotes are doubled all the same.
fn password_statement(role: &str, verifier: &str) -> String {
    format!(
        "alter role {role} password '{}'",
        verifier.replace('\'', "''")
    )
}

#[cfg(test)]
mod tests {
    use super::password_statement;
    use postgres_protocol::password::scram_sha_256;

    #[test]
    fn a_password_never_stands_in_the_statement() {
        let statement = password_statement("fluxbase_app", &scram_sha_256(b"hunter2-hunter2"));
        assert!(!statement.contains("hunter2"));
        assert!(statement.starts_with("alter role fluxbase_app password 'SCRAM-SHA-256$4096:"));
        assert_eq!(statement.matches('\'').count(), 2);
    }
}
