//! Acts on accounts as a test calls them, and what they leave behind.

use crate::seal::value;
use fluxbase_tests::fixture::{Account, Database};
use postgres::Client;
use postgres::types::ToSql;
use serde_json::Value;

/// What a call is given.
pub type Given<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Calls an act as whoever the session is: `act(app, "auth.sign_in($1, $2)", &[…])`.
#[track_caller]
pub fn act(client: &mut Client, call: &str, given: Given<'_>) -> Value {
    match client.query_one(&format!("select {call}"), given) {
        Ok(row) => row.get(0),
        Err(error) => panic!("{call}: {error:?}"),
    }
}

/// Enters with a token or key, acts, and commits; the SQLSTATE of what failed.
pub fn try_as(
    client: &mut Client,
    token: &str,
    call: &str,
    given: Given<'_>,
) -> Result<Value, String> {
    let mut attempt = || {
        let mut transaction = client.transaction()?;
        transaction.execute("select auth.enter($1)", &[&token])?;
        let reply = transaction
            .query_one(&format!("select {call}"), given)?
            .get(0);
        transaction.commit()?;
        Ok(reply)
    };
    attempt().map_err(|error: postgres::Error| match error.code() {
        Some(code) => code.code().to_owned(),
        None => panic!("{call}: {error:?}"),
    })
}

/// The same where nothing may fail.
#[track_caller]
pub fn act_as(client: &mut Client, token: &str, call: &str, given: Given<'_>) -> Value {
    match try_as(client, token, call, given) {
        Ok(reply) => reply,
        Err(sqlstate) => panic!("{call}: {sqlstate}"),
    }
}

/// Whether a token or key is good on an open session of the server's login; else the SQLSTATE.
pub fn enters(app: &mut Client, token: &str) -> Result<(), String> {
    try_as(app, token, "to_jsonb(auth.role())", &[]).map(drop)
}

/// A refusal of this code that gives nothing away.
#[track_caller]
pub fn assert_refused(reply: &Value, code: &str) {
    assert_eq!(reply["code"], code, "{reply}");
    assert!(reply["error"].is_string(), "{reply}");
    for given in [
        "access_token",
        "refresh_token",
        "mfa_token",
        "user",
        "key",
        "backup_codes",
    ] {
        assert!(reply.get(given).is_none(), "{given} in {reply}");
    }
}

/// A number from the superuser.
#[track_caller]
pub fn count(database: &Database, sql: &str) -> i64 {
    value(&mut database.superuser(), sql)
        .expect("asked")
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// Statements of the superuser.
#[track_caller]
pub fn superuser(database: &Database, sql: &str) {
    if let Err(error) = database.superuser().batch_execute(sql) {
        panic!("{sql}: {error:?}");
    }
}

/// Sets a setting.
#[track_caller]
pub fn configure(database: &Database, key: &str, value: &str) {
    superuser(
        database,
        &format!("select auth.configure('{key}', '{value}')"),
    );
}

/// As [`Database::state`].
pub fn state(database: &Database) -> Vec<(String, String)> {
    database.state()
}

/// The state but for one table.
pub fn but(state: Vec<(String, String)>, table: &str) -> Vec<(String, String)> {
    state
        .into_iter()
        .filter(|(name, _)| name != table)
        .collect()
}

/// As [`Database::events`].
pub fn events(database: &Database, event: &str) -> Vec<String> {
    database.events(event)
}

/// Takes the mails that are due, as the mailer does.
pub fn mails(database: &Database) -> Vec<Value> {
    database
        .connect("fluxbase_mailer")
        .query("select auth.take_mail(100)", &[])
        .expect("mails")
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// What the newest mail of this kind carries: its token or its code.
#[track_caller]
pub fn mailed(database: &Database, kind: &str) -> String {
    let mails = mails(database);
    let mail = mails.iter().rfind(|mail| mail["kind"] == kind);
    let mail = mail.unwrap_or_else(|| panic!("no {kind} in {mails:?}"));
    let carried = mail["token"].as_str().or_else(|| mail["code"].as_str());
    carried.expect("a token or a code").to_owned()
}

/// A text in a reply.
#[track_caller]
pub fn text(reply: &Value, name: &str) -> String {
    match reply[name].as_str() {
        Some(text) => text.to_owned(),
        None => panic!("no {name} in {reply}"),
    }
}

/// Gives a user of the fixture a role, and the tokens that say so.
#[track_caller]
pub fn promoted(database: &Database, account: &Account, role: &str) -> Account {
    superuser(
        database,
        &format!(
            "update auth.users set role = '{role}' where id = '{}'",
            account.id
        ),
    );
    let reply = act(&mut database.app(), "auth.refresh($1)", &[&account.refresh]);
    assert_eq!(reply["user"]["role"], role, "{reply}");
    Account::from_reply(&reply)
}
