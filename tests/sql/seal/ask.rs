//! Asking a session who it is, by every name there is for it.

use fluxbase_tests::fixture::Fixture;
use postgres::{Client, Error, SimpleQueryMessage};

/// Every answer to "who is asking", and what that identity can reach.
#[derive(Debug, PartialEq, Eq)]
pub struct Who {
    /// current_user, session_user, auth.uid(), auth.role(), auth.jwt()->>'sub', auth.email(), the settings.
    pub answers: Vec<String>,
    /// SQLSTATE of reading the vault, `None` when it could be read.
    pub vault: Option<String>,
}

const QUESTIONS: &str = "select current_user, session_user, auth.uid(), auth.role(), auth.jwt()->>'sub', \
    auth.email(), auth.current_user_id(), auth.is_authenticated(), \
    pg_catalog.current_setting('request.jwt.claims', true), \
    pg_catalog.current_setting('request.jwt.claim.sub', true), pg_catalog.current_setting('app.user_id', true), \
    pg_catalog.current_setting('request.jwt.claim.role', true), pg_catalog.current_setting('app.role', true)";

/// The first column of the last row of a query string.
pub fn value(client: &mut Client, sql: &str) -> Result<Option<String>, Error> {
    let mut last = None;
    for message in client.simple_query(sql)? {
        if let SimpleQueryMessage::Row(row) = message {
            last = row.get(0).map(str::to_owned);
        }
    }
    Ok(last)
}

/// The SQLSTATE of an outcome; `None` when it went well. A lost connection is no refusal.
#[track_caller]
pub fn sqlstate<T>(outcome: &Result<T, Error>) -> Option<String> {
    match outcome {
        Ok(_) => None,
        Err(error) => match error.code() {
            Some(code) => Some(code.code().to_owned()),
            None => panic!("the connection broke: {error:?}"),
        },
    }
}

impl Who {
    /// Asks, and leaves the transaction as it was.
    pub fn of(client: &mut Client) -> Self {
        let mut answers = Vec::new();
        for message in client
            .simple_query(QUESTIONS)
            .expect("the identity can be asked")
        {
            if let SimpleQueryMessage::Row(row) = message {
                answers = (0..row.len())
                    .map(|column| row.get(column).unwrap_or("").to_owned())
                    .collect();
            }
        }
        // Outside a transaction block the savepoint fails, and so does releasing it; neither matters.
        let _ = client.batch_execute("savepoint asking");
        let vault = sqlstate(&client.batch_execute("select secret from public.vault"));
        let _ = client.batch_execute("rollback to savepoint asking; release savepoint asking");
        Self { answers, vault }
    }
}

/// Begins a transaction as Ann.
pub fn enter(client: &mut Client, fixture: &Fixture) {
    client
        .batch_execute(&fixture.fill("begin; select auth.enter('{ANN}')"))
        .expect("Ann enters");
}

/// Ann by every name, and nothing more than she may.
#[track_caller]
pub fn assert_ann(client: &mut Client, fixture: &Fixture) {
    let who = Who::of(client);
    let id = fixture.ann.id.as_str();
    let claims = who.answers[8].clone();
    let expected = [
        "authenticated",
        "fluxbase_app",
        id,
        "authenticated",
        id,
        "ann@example.com",
        id,
        "t",
        &claims,
        id,
        id,
        "authenticated",
        "authenticated",
    ];
    assert_eq!(who.answers, expected);
    assert!(claims.contains(id), "{claims}");
    assert_eq!(who.vault.as_deref(), Some("42501"), "the vault opened");
}

/// The server's login as it came out of the pool: nobody.
#[track_caller]
pub fn assert_nobody(client: &mut Client) {
    let who = Who::of(client);
    let expected = [
        "fluxbase_app",
        "fluxbase_app",
        "",
        "anon",
        "",
        "",
        "",
        "f",
        "",
        "",
        "",
        "",
        "",
    ];
    assert_eq!(
        who.answers, expected,
        "an identity was left on the connection"
    );
    assert_eq!(who.vault.as_deref(), Some("42501"), "the vault opened");
    let notes = sqlstate(&client.batch_execute("select from public.notes"));
    assert_eq!(
        notes.as_deref(),
        Some("42501"),
        "the login itself reads tables"
    );
}
