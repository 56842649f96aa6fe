//! What must hold of the number of rows of a write, inside the statement that writes: the number is checked before
//! anybody sees it, and a number that does not hold undoes everything.

use crate::seal::{enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("rows::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add("more_than_allowed_are_refused_with_their_number", at_most);
    add("none_and_several_are_not_exactly_one", exactly_one);
    add("a_number_that_does_not_hold_undoes_the_write", undone);
    trials
}

/// SQLSTATE and detail of a refusal.
#[track_caller]
fn refused(client: &mut Client, sql: &str) -> (String, String) {
    let error = value(client, sql).expect_err(sql);
    let refusal = error.as_db_error().expect("PostgreSQL's word");
    let detail = refusal.detail().unwrap_or_default().to_owned();
    (refusal.code().code().to_owned(), detail)
}

fn at_most(database: &Database) {
    let mut client = database.superuser();
    for (sql, rows) in [
        ("select auth.at_most(0, 0)", "0"),
        ("select auth.at_most(3, 3)", "3"),
        ("select auth.at_most(3, 9223372036854775807)", "3"),
    ] {
        assert_eq!(
            value(&mut client, sql).expect(sql).as_deref(),
            Some(rows),
            "{sql}"
        );
    }
    for (sql, rows) in [
        ("select auth.at_most(1, 0)", "1"),
        ("select auth.at_most(12, 11)", "12"),
    ] {
        let expected = ("FX012".to_owned(), rows.to_owned());
        assert_eq!(refused(&mut client, sql), expected, "{sql}");
    }
}

fn exactly_one(database: &Database) {
    let mut client = database.superuser();
    let one = value(&mut client, "select auth.exactly_one(1)");
    assert_eq!(one.expect("allowed").as_deref(), Some("1"));
    for rows in ["0", "2", "1000"] {
        let sql = format!("select auth.exactly_one({rows})");
        let expected = ("FX013".to_owned(), rows.to_owned());
        assert_eq!(refused(&mut client, &sql), expected, "{sql}");
    }
}

/// As the server writes it: the function stands around the count of a CTE that writes.
fn undone(database: &Database) {
    let notes = |client: &mut Client| {
        value(client, "select count(*) from public.notes")
            .expect("asked")
            .unwrap_or_default()
    };
    let mut app = database.app();
    let mut write = |checked: &str| {
        enter(&mut app, &database.fixture);
        let outcome = app.batch_execute(&format!(
            "with x as (insert into public.notes (body) values ('a'), ('b') returning 1) select {checked} from x"
        ));
        let state = sqlstate(&outcome);
        app.batch_execute("commit").expect("commit");
        state
    };
    let before = notes(&mut database.superuser());
    assert_eq!(write("auth.at_most(count(*), 1)").as_deref(), Some("FX012"));
    assert_eq!(
        write("auth.exactly_one(count(*))").as_deref(),
        Some("FX013")
    );
    assert_eq!(notes(&mut database.superuser()), before);
    assert_eq!(write("auth.at_most(count(*), 2)"), None);
    let after: i64 = notes(&mut database.superuser()).parse().expect("a number");
    assert_eq!(after, before.parse::<i64>().expect("a number") + 2);
}
