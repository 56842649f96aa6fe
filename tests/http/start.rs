//! What the server refuses to start with.

use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::server::Server;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("start::{name}"), move || {
            body(&fixture)
        }));
    };
    add("a_login_that_need_not_enter_is_refused", unbound_login);
    add("a_member_of_fluxbase_app_is_served", member);
    trials
}

/// The operator pastes the administrator's URL: every request would be forwarded by somebody who may do
/// anything, and a hole in the server would be a hole in everything.
fn unbound_login(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    // A superuser stays one when it is a member.
    database
        .superuser()
        .batch_execute(
            "create role start_mighty login superuser; grant fluxbase_app to start_mighty",
        )
        .expect("a role");
    for login in ["postgres", "start_mighty", "trusty"] {
        let said = Server::refused(&database, login);
        assert!(
            said.contains(&format!(
                "database.url logs in as \"{login}\", which may act in the database without a token; \
                 use fluxbase_app"
            )),
            "{login}: {said}"
        );
    }
    database
        .superuser()
        .batch_execute("drop role start_mighty")
        .expect("dropped");
}

/// The allowed twin: a login of one's own, locked as `fluxbase_app` is.
fn member(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    database
        .superuser()
        .batch_execute("create role start_member login; grant fluxbase_app to start_member")
        .expect("a role");
    let server = Server::start_as(&database, "start_member", &[]);
    let rows = server
        .get("/api/v1/tables/notes?select=body")
        .bearer(&fixture.ann.token)
        .send()
        .expect(200);
    assert_eq!(
        rows,
        serde_json::json!([{"body": "ann private"}, {"body": "bob public"}])
    );
    drop(server);
    database
        .superuser()
        .batch_execute("drop role start_member")
        .expect("dropped");
}
