//! Everything in one query string, or in the very SELECT that enters: nothing may slip in between.

use super::{assert_nobody, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// Each must end in one of these SQLSTATEs, having read nothing of the vault.
const STRINGS: [(&str, &str, &[&str]); 16] = [
    (
        "set_role_after_enter",
        "begin; select auth.enter('{ANN}'); set role service_role; select secret from public.vault; commit",
        &["42501"],
    ),
    (
        "set_config_after_enter_in_one_select",
        "begin; select auth.enter('{ANN}'), set_config('role', 'service_role', true); select secret from public.vault",
        &["42501"],
    ),
    (
        "set_config_before_enter_in_one_select",
        "begin; select set_config('role', 'service_role', true), auth.enter('{ANN}'); select secret from public.vault",
        &["42501"],
    ),
    (
        "claims_after_enter_in_one_select",
        r#"begin; select auth.enter('{ANN}'), set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true)"#,
        &["42501"],
    ),
    (
        "claims_before_enter_in_one_select",
        r#"begin; select set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true), auth.enter('{ANN}')"#,
        &["42501"],
    ),
    (
        "enter_in_a_cte_and_change_outside",
        "begin; with e as materialized (select auth.enter('{ANN}')) select set_config('role', 'service_role', true) from e",
        &["42501"],
    ),
    (
        "enter_in_from_and_change_in_select",
        "begin; select set_config('role', 'service_role', true) from (select auth.enter('{ANN}') offset 0) e",
        &["42501"],
    ),
    (
        "enter_and_change_by_null",
        "begin; select auth.enter('{ANN}'), set_config('role', null, true)",
        &["42501"],
    ),
    (
        "enter_and_read_the_vault_in_one_select",
        "begin; select auth.enter('{ANN}'), secret from public.vault",
        &["42501"],
    ),
    (
        "vault_in_a_subquery_planned_before_entering",
        "begin; select auth.enter('{ANN}'), (select secret from public.vault)",
        &["42501"],
    ),
    (
        "enter_anonymous_and_change",
        "begin; select auth.enter_anonymous(), set_config('role', 'service_role', true)",
        &["42501"],
    ),
    (
        "implicit_transaction_then_set_role",
        "select auth.enter('{ANN}'); set role service_role; select secret from public.vault",
        &["42501"],
    ),
    (
        "implicit_transaction_then_set_config",
        "select auth.enter('{ANN}'); select set_config('role', 'service_role', false); select secret from public.vault",
        &["42501"],
    ),
    (
        "commit_in_the_middle_of_an_implicit_transaction",
        "select auth.enter('{ANN}'); commit; set role service_role; select secret from public.vault",
        &["42501"],
    ),
    (
        "role_planted_before_entering",
        "set role authenticated; begin; select auth.enter('{ANN}')",
        &["42501"],
    ),
    (
        "session_role_planted_in_the_same_transaction",
        "begin; set session authorization authenticated; select auth.enter('{ANN}')",
        &["42501"],
    ),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials: Vec<Trial> = STRINGS
        .into_iter()
        .map(|(name, string, states)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("seal_one_string::{name}"), move || {
                let database = fixture.database();
                let mut app = database.app();
                let outcome = app.simple_query(&fixture.fill(string));
                let state = sqlstate(&outcome);
                assert!(
                    state
                        .as_deref()
                        .is_some_and(|state| states.contains(&state)),
                    "{state:?} {outcome:?}"
                );
                app.batch_execute("rollback").expect("the transaction ends");
                assert_nobody(&mut app);
                allowed(&database);
            })
        })
        .collect();
    let shared = Arc::clone(fixture);
    trials.push(trial(
        &fixture.cluster,
        "seal_one_string::enter_and_read_own_rows_in_one_string_is_allowed",
        move || {
            allowed(&shared.database());
        },
    ));
    trials
}

/// The twin of them all: a request's own statements in one string.
fn allowed(database: &Database) {
    let mut app = database.app();
    let body = value(
        &mut app,
        &database.fixture.fill("begin; select auth.enter('{ANN}'); select body from public.notes where owner = auth.uid()"),
    );
    assert_eq!(body.expect("allowed").as_deref(), Some("ann private"));
    app.batch_execute("commit").expect("ends");
    assert_nobody(&mut app);
}
