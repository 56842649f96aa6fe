//! One transaction: begin, enter, what is asked, the end. In one flight when everything is prepared, else in two.
//!
//! Joined futures are first polled in order, and each of them sends when first polled. All of them are waited for
//! before any outcome is looked at: a connection goes back only when everything sent on it is answered.

use super::connection::{Connection, Fixed};
use super::error::DbError;
use super::prepared::Owner;
use super::run::{Answer, answer, done, one_row};
use super::value::Text;
use crate::caller::Caller;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement as Compiled;
use futures_util::{TryFutureExt, future};
use serde::Deserialize;
use tokio_postgres::{Client, Statement};

/// A statement, whose it is, and what goes before it.
pub struct Work<'a> {
    pub first: Option<&'a str>,
    pub caller: &'a Caller,
    pub statement: &'a Compiled,
    pub scope: &'static str,
}

impl Work<'_> {
    /// Needs nothing but begin, enter, statement and commit, as nearly all requests do.
    fn is_plain(&self) -> bool {
        let statement = self.statement;
        self.first.is_none()
            && statement.time_zone.is_none()
            && statement.estimate.is_none()
            && !statement.rollback
    }
}

/// How a transaction begins and becomes the caller's.
pub(super) struct Opening<'a> {
    begin: &'a Statement,
    enter: &'a Statement,
    /// The credential and the scope; as many of them as `enter` takes are given.
    identity: [Text<'a>; 2],
    given: usize,
}

impl<'a> Opening<'a> {
    pub(super) fn of(
        caller: &'a Caller,
        access: Access,
        scope: &'static str,
        fixed: &'a Fixed,
    ) -> Self {
        let credential = caller.token();
        let (enter, given) = match credential {
            None => (&fixed.enter_anonymous, 0),
            Some(_) if caller.is_key() => (&fixed.enter_for, 2),
            Some(_) => (&fixed.enter, 1),
        };
        Self {
            begin: match access {
                Access::ReadOnly => &fixed.begin_read_only,
                Access::ReadWrite => &fixed.begin,
            },
            enter,
            identity: [
                Text(credential.map(str::as_bytes)),
                Text(Some(scope.as_bytes())),
            ],
            given,
        }
    }

    fn identity(&self) -> &[Text<'a>] {
        self.identity.get(..self.given).unwrap_or_default()
    }
}

/// Runs it.
pub async fn transaction(connection: &mut Connection, work: &Work<'_>) -> Result<Answer, DbError> {
    let owner = Owner::Caller(work.caller.role());
    let known = connection.prepared.get(owner, &work.statement.sql);
    let Some(statement) = known.filter(|_| work.is_plain()) else {
        // Boxed, so that what few requests need does not make the future of all of them larger.
        return Box::pin(in_steps(connection, work)).await;
    };
    let (client, fixed) = (&connection.client, &connection.fixed);
    let opening = Opening::of(work.caller, work.statement.access, work.scope, fixed);
    let parameters = texts(&work.statement.params);
    let (begun, entered, answered, committed) = future::join4(
        done(client, opening.begin, &[]),
        done(client, opening.enter, opening.identity()),
        answer(client, &statement, &parameters, work.statement),
        done(client, &fixed.commit, &[]),
    )
    .await;
    begun?;
    entered?;
    let answer = answered?;
    committed?;
    Ok(answer)
}

/// What a transaction runs between entering and its end, each where it is wanted and prepared.
#[derive(Default)]
struct Inside {
    first: Option<Statement>,
    main: Option<Statement>,
    estimate: Option<Statement>,
}

/// Runs it with everything it may need, and with statements this connection has not prepared yet.
async fn in_steps(connection: &mut Connection, work: &Work<'_>) -> Result<Answer, DbError> {
    let Connection {
        client,
        fixed,
        prepared,
        ..
    } = connection;
    let owner = Owner::Caller(work.caller.role());
    let compiled = work.statement;
    let zone = compiled.time_zone.as_deref();
    let wanted = [
        work.first,
        Some(compiled.sql.as_str()),
        compiled.estimate.as_ref().map(|one| one.sql.as_str()),
    ];
    let known = wanted.map(|sql| sql.and_then(|sql| prepared.get(owner, sql)));
    let missing = wanted
        .iter()
        .zip(&known)
        .any(|(sql, statement)| sql.is_some() && statement.is_none());
    let [first, main, estimate] = known;
    let opening = Opening::of(work.caller, work.statement.access, work.scope, fixed);
    if !missing {
        let inside = Inside {
            first,
            main,
            estimate,
        };
        let (opened, answered) = future::join(
            open(client, fixed, &opening, zone),
            run(client, fixed, &inside, compiled),
        )
        .await;
        opened?;
        return answered;
    }

    // Parsed after entering, as the role that will run it.
    let [first_sql, main_sql, estimate_sql] = wanted;
    let (opened, first, main, estimate) = future::join4(
        open(client, fixed, &opening, zone),
        fetched(client, first_sql, first).map_err(DbError::of_first),
        fetched(client, main_sql, main).map_err(DbError::of_the_statement),
        fetched(client, estimate_sql, estimate),
    )
    .await;
    let inside = opened.and_then(|()| {
        Ok(Inside {
            first: first?,
            main: main?,
            estimate: estimate?,
        })
    });
    let inside = match inside {
        Ok(inside) => inside,
        Err(error) => {
            // Of a failed transaction COMMIT makes a rollback.
            done(client, &fixed.commit, &[]).await?;
            return Err(error);
        }
    };
    // Kept even if the run below fails: preparing is not undone by a rollback.
    let fresh = [&inside.first, &inside.main, &inside.estimate];
    for (sql, statement) in wanted.into_iter().zip(fresh) {
        if let (Some(sql), Some(statement)) = (sql, statement) {
            prepared.put(owner, sql, statement.clone());
        }
    }
    run(client, fixed, &inside, compiled).await
}

/// Begins, enters, and sets the time zone if one is wanted.
pub(super) async fn open(
    client: &Client,
    fixed: &Fixed,
    opening: &Opening<'_>,
    zone: Option<&str>,
) -> Result<(), DbError> {
    let zone = async {
        match zone {
            None => Ok(()),
            Some(zone) => done(client, &fixed.set_time_zone, &[Text(Some(zone.as_bytes()))])
                .await
                .map_err(DbError::of_time_zone),
        }
    };
    let (begun, entered, zoned) = future::join3(
        done(client, opening.begin, &[]),
        done(client, opening.enter, opening.identity()),
        zone,
    )
    .await;
    begun.and(entered).and(zoned)
}

/// The statement, prepared now if it is wanted and was not yet.
async fn fetched(
    client: &Client,
    sql: Option<&str>,
    known: Option<Statement>,
) -> Result<Option<Statement>, DbError> {
    match (known, sql) {
        (None, Some(sql)) => Ok(Some(client.prepare(sql).await?)),
        (known, _) => Ok(known),
    }
}

/// Runs what stands between entering and the end, and the end.
async fn run(
    client: &Client,
    fixed: &Fixed,
    inside: &Inside,
    compiled: &Compiled,
) -> Result<Answer, DbError> {
    let main = inside
        .main
        .as_ref()
        .ok_or_else(|| DbError::Protocol("nothing to run".into()))?;
    let parameters = texts(&compiled.params);
    let first = async {
        match &inside.first {
            None => Ok(()),
            Some(statement) => done(client, statement, &[]).await,
        }
    };
    let planned = async {
        match (&inside.estimate, &compiled.estimate) {
            (Some(statement), Some(estimate)) => {
                let plan = one_row(client, statement, &texts(&estimate.params)).await?;
                expected_rows(&plan).map(Some)
            }
            _ => Ok(None),
        }
    };
    let (began, answered, planned, ended) = future::join4(
        first,
        answer(client, main, &parameters, compiled),
        planned,
        end(client, fixed, compiled.rollback),
    )
    .await;
    began?;
    let answer = answered.map_err(DbError::of_the_statement)?;
    let planned = planned?;
    ended?;
    Ok(answer.with_planned(planned))
}

/// Commits, or undoes everything. What only COMMIT would have checked is checked then too: whoever tries a write out
/// wants to know whether it would have been refused.
async fn end(client: &Client, fixed: &Fixed, rollback: bool) -> Result<(), DbError> {
    if !rollback {
        return done(client, &fixed.commit, &[]).await;
    }
    let (checked, undone) = future::join(
        done(client, &fixed.check_constraints, &[]),
        done(client, &fixed.rollback, &[]),
    )
    .await;
    checked.and(undone)
}

/// The number of rows that a plan in JSON expects.
fn expected_rows(plan: &Answer) -> Result<i64, DbError> {
    let text = plan.bytes(0)?.unwrap_or_default();
    parse_plan(&text).ok_or_else(|| DbError::Protocol("a plan without a number of rows".into()))
}

pub(super) fn parse_plan(text: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Explained {
        #[serde(rename = "Plan")]
        plan: Plan,
    }
    #[derive(Deserialize)]
    struct Plan {
        #[serde(rename = "Plan Rows")]
        rows: i64,
    }
    let explained: [Explained; 1] = serde_json::from_slice(text).ok()?;
    let [Explained { plan }] = explained;
    Some(plan.rows)
}

pub(super) fn texts(values: &[String]) -> Vec<Text<'_>> {
    values
        .iter()
        .map(|value| Text(Some(value.as_bytes())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse_plan;

    #[test]
    fn a_plan_tells_the_rows_of_its_top_node() {
        let plan = br#"[{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 4711, "Plans": [{"Plan Rows": 1}]}}]"#;
        assert_eq!(parse_plan(plan), Some(4711));
    }

    #[test]
    fn what_is_no_plan_gives_no_number() {
        for text in [
            "",
            "[]",
            "{}",
            r#"[{"Plan": {}}]"#,
            r#"[{"Plan": {"Plan Rows": "many"}}]"#,
        ] {
            assert_eq!(parse_plan(text.as_bytes()), None, "{text}");
        }
    }
}
