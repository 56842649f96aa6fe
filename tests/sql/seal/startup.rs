//! Settings smuggled in while connecting: the connection string is the stolen password's, not a right.

use super::assert_nobody;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use fluxbase_tests::wire::Wire;
use libtest_mimic::Trial;
use postgres::NoTls;
use std::sync::Arc;

const OPTIONS: [(&str, &str, &str); 10] = [
    (
        "claims",
        "request.jwt.claims",
        r#"{"sub":"{ANN_ID}","role":"service_role"}"#,
    ),
    ("claim_sub", "request.jwt.claim.sub", "{ANN_ID}"),
    ("claim_role", "request.jwt.claim.role", "service_role"),
    ("app_user_id", "app.user_id", "{ANN_ID}"),
    ("app_role", "app.role", "admin"),
    ("app_user_email", "app.user_email", "ann@example.com"),
    ("role", "role", "service_role"),
    ("role_authenticated", "role", "authenticated"),
    ("session_authorization", "session_authorization", "postgres"),
    ("row_security", "session_replication_role", "replica"),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, setting, value) in OPTIONS {
        let shared = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("seal_startup::{name}_in_options"),
            move || {
                in_options(&shared.database(), setting, &shared.fill(value));
            },
        ));
        let shared = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("seal_startup::{name}_as_a_parameter"),
            move || {
                as_a_parameter(&shared.database(), setting, &shared.fill(value));
            },
        ));
    }
    let shared = Arc::clone(fixture);
    trials.push(trial(
        &fixture.cluster,
        "seal_startup::a_harmless_option_is_taken",
        move || {
            let database = shared.database();
            let mut config = shared.cluster.config("fluxbase_app", &database.name);
            let mut app = config
                .options("-c work_mem=1MB")
                .connect(NoTls)
                .expect("connects");
            assert_eq!(
                super::value(&mut app, "show work_mem")
                    .expect("asked")
                    .as_deref(),
                Some("1MB")
            );
        },
    ));
    trials
}

/// `options=-c name=value`, as PGOPTIONS sends it.
fn in_options(database: &Database, setting: &str, value: &str) {
    let escaped = value.replace('\\', "\\\\").replace(' ', "\\ ");
    let mut config = database
        .fixture
        .cluster
        .config("fluxbase_app", &database.name);
    config.options(&format!("-c {setting}={escaped}"));
    match config.connect(NoTls) {
        Err(error) => {
            let state = error.code().map(|code| code.code().to_owned());
            assert!(state.is_some(), "the connection broke: {error:?}");
        }
        // Taken with a warning and without effect.
        Ok(mut app) => assert_nobody(&mut app),
    }
}

/// As a start-up parameter of its own: `role` and the like are reset to this by RESET and DISCARD.
fn as_a_parameter(database: &Database, setting: &str, value: &str) {
    let port = database.fixture.cluster.port;
    match Wire::connect(port, "fluxbase_app", &database.name, &[(setting, value)]) {
        Err(state) => assert!(state != "closed", "the connection broke"),
        Ok(mut wire) => {
            for before in [
                "select 1",
                "reset role",
                "discard all",
                "reset session authorization",
            ] {
                wire.batch(&[before]);
                let who = wire.batch(&["select current_user, auth.role(), auth.uid(), current_setting('app.user_id', true)"]);
                let row: Vec<&str> = who.rows[0]
                    .iter()
                    .map(|text| text.as_deref().unwrap_or(""))
                    .collect();
                assert_eq!(row, ["fluxbase_app", "anon", "", ""], "after {before}");
                assert_eq!(
                    wire.batch(&["select secret from public.vault"])
                        .error
                        .as_deref(),
                    Some("42501")
                );
            }
        }
    }
}
