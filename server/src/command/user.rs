use super::admin::{connect, failed};
use super::{Create, Problem};
use crate::config::Config;
use serde_json::{Value, json};

/// Makes a user with the password on standard input: on the command line it would stand in the list of processes.
pub async fn create(config: &Config, user: &Create) -> Result<(), Problem> {
    let client = connect(&config.database).await?;
    let mut password = String::new();
    std::io::stdin()
        .read_line(&mut password)
        .map_err(Problem::io("cannot read the password"))?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Problem::Refused(
            "the password is read from standard input, one line, and there was none".into(),
        ));
    }
    let role = if user.admin {
        "dashboard_admin"
    } else {
        "authenticated"
    };
    let options = json!({"password": password, "role": role, "email_verified": true});
    let row = client
        .query_one(
            "select auth.admin_create_user($1, $2)",
            &[&user.email, &options],
        )
        .await
        .map_err(failed("cannot make the user"))?;
    let reply: Value = row.try_get(0).map_err(failed("cannot make the user"))?;
    if let Some(refusal) = reply.get("error").and_then(Value::as_str) {
        return Err(Problem::Refused(refusal.to_owned()));
    }
    let id = reply.pointer("/user/id").and_then(Value::as_str);
    println!("{} {role}", id.unwrap_or_default());
    Ok(())
}
