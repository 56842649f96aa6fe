//! Who may read it, and what is found.

use super::{ANN, Tests, WRONG, sign_in};
use crate::acts::{act, act_as, assert_refused, superuser, text, try_as};
use crate::seal::sqlstate;
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    ("nobody_but_administrators_asks_for_it", refused),
    ("an_administrator_finds_what_was_asked_for", filtered),
];

fn refused(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    sign_in(&mut app, ANN, WRONG);
    let client = act_as(
        &mut app,
        &ann.token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
        &[],
    );
    for token in [&ann.token, &text(&client, "key")] {
        let refused = act_as(&mut app, token, "auth.admin_audit()", &[]);
        assert_refused(&refused, "ADMIN_REQUIRED");
        assert!(refused.get("events").is_none());
    }
    let visitor = try_as(
        &mut app,
        &database.fixture.anon_key,
        "auth.admin_audit()",
        &[],
    );
    assert_eq!(visitor, Err("42501".to_owned()));
    for login in ["plain", "fluxbase_app", "fluxbase_mailer"] {
        let mut client = database.connect(login);
        for call in [
            "auth.admin_audit()",
            "audit.write('x', null, '{}')",
            "audit.address('::1')",
        ] {
            let outcome = client.batch_execute(&format!("select {call}"));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {call}"
            );
        }
    }
    let events = act_as(
        &mut app,
        &database.fixture.service_key,
        "auth.admin_audit()",
        &[],
    );
    assert!(
        events["events"]
            .as_array()
            .is_some_and(|events| !events.is_empty()),
        "{events}"
    );
}

fn filtered(database: &Database) {
    superuser(
        database,
        "update auth.users set role = 'admin' where email = 'bob@example.com'",
    );
    let mut app = database.app();
    for _ in 0..3 {
        sign_in(&mut app, ANN, WRONG);
    }
    let bob = Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
    act(&mut app, "auth.request_magic_link($1)", &[&ANN]);
    let mut found = |filter: Value| -> Vec<Value> {
        let reply = act_as(&mut app, &bob.token, "auth.admin_audit($1)", &[&filter]);
        reply["events"].as_array().expect("a list").clone()
    };
    let all = found(json!({}));
    assert_eq!(all.len(), 5);
    assert_eq!(all[0]["event"], "auth.magic_link_requested", "newest first");
    let moments: Vec<&str> = all
        .iter()
        .filter_map(|event| event["at"].as_str())
        .collect();
    assert!(
        moments.is_sorted_by(|later, earlier| later >= earlier),
        "{moments:?}"
    );
    let ann = database.fixture.ann.id.as_str();
    for (filter, count) in [
        (json!({"event": "auth.login"}), 4),
        (json!({"event": "auth.login", "outcome": "failure"}), 3),
        (json!({"user_id": ann}), 3),
        (json!({"user_id": bob.id}), 1),
        (json!({"limit": 2}), 2),
        (json!({"limit": 2, "offset": 4}), 1),
        (json!({"limit": 100_000}), 5),
        (json!({"since": moments[1]}), 2),
        (json!({"event": "' or true --"}), 0),
    ] {
        assert_eq!(found(filter.clone()).len(), count, "{filter}");
    }
}
