//! What happened to accounts is written down: every act, failures for good, without what lets in, and for administrators.

mod asked;
mod kept;
mod told;
mod written;

use crate::acts::{act, superuser};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::Value;
use std::sync::Arc;

type Tests = &'static [(&'static str, fn(&Database))];

const ANN: &str = "ann@example.com";
const NEW: &str = "Another-Staple-8-Mule";
const WRONG: &str = "Wrong-Horse-7-Battery";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    [kept::TESTS, told::TESTS, asked::TESTS, written::TESTS]
        .into_iter()
        .flatten()
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("audit::{name}"), move || {
                let database = fixture.database();
                superuser(&database, "delete from audit.events");
                body(&database);
            })
        })
        .collect()
}

/// What has been written since this was last asked: event, outcome, reason, whose, by whom.
fn news(database: &Database) -> Vec<String> {
    let mut owner = database.superuser();
    let named = |column: &str| {
        format!(
            "case when e.{column} is null then '' else ' {column}=' || case e.{column} when '{}' then 'ann' when '{}' then 'bob' else 'other' end end",
            database.fixture.ann.id, database.fixture.bob.id
        )
    };
    let asked = format!(
        "select event || ' ' || outcome || coalesce(' ' || reason, '') || {} || {} from audit.events e order by at",
        named("user_id"),
        named("actor_id")
    );
    let rows = owner.query(&asked, &[]).expect("events");
    owner
        .batch_execute("delete from audit.events")
        .expect("read");
    rows.iter().map(|row| row.get(0)).collect()
}

fn sign_in(app: &mut Client, email: &str, password: &str) -> Value {
    act(app, "auth.sign_in($1, $2)", &[&email, &password])
}
