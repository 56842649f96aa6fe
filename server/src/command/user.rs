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
    let (made, role) = if user.admin {
        // Who types it will use it: no setting stands in the way of the first administrator.
        let call = "select auth.create_admin($1, $2)";
        let made = client.query_one(call, &[&user.email, &password]).await;
        (made, "dashboard_admin")
    } else {
        let options = json!({"password": password, "email_verified": true});
        let call = "select auth.admin_create_user($1, $2)";
        let made = client.query_one(call, &[&user.email, &options]).await;
        (made, "authenticated")
    };
    let row = made.map_err(failed("cannot make the user"))?;
    let reply: Value = row.try_get(0).map_err(failed("cannot make the user"))?;
    if let Some(refusal) = reply.get("error").and_then(Value::as_str) {
        return Err(Problem::Refused(refusal.to_owned()));
    }
    let id = reply.pointer("/user/id").and_then(Value::as_str);
    println!("{} {role}", id.unwrap_or_default());
    Ok(())
}
