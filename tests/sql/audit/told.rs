//! What is written down of who asked, and what never is.

use super::{ANN, NEW, Tests, WRONG};
use crate::acts::{act, act_as, count, mailed, text};
use crate::seal::value;
use fluxbase_tests::fixture::{Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    ("no_password_token_code_or_address_is_in_it", silent),
    (
        "who_asked_is_written_down_as_far_as_it_can_be_believed",
        context,
    ),
];

fn silent(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let mut secrets = vec![
        PASSWORD.to_owned(),
        NEW.to_owned(),
        WRONG.to_owned(),
        "example.com".to_owned(),
        ann.token.clone(),
        ann.refresh.clone(),
    ];
    let context = json!({"ip": "192.0.2.1", "user_agent": "agent", "request_id": "r", "code": "123456", "nonce": "the-nonce",
        "password": PASSWORD, "mfa_token": "mfa_x", "email": ANN, "token": "the-token"});
    secrets.extend(["123456", "the-nonce", "mfa_x", "the-token"].map(str::to_owned));
    let with = |app: &mut Client, call: &str, given: &[&str]| {
        let mut all: Vec<&(dyn postgres::types::ToSql + Sync)> = Vec::new();
        all.extend(
            given
                .iter()
                .map(|text| text as &(dyn postgres::types::ToSql + Sync)),
        );
        all.push(&context);
        act(app, call, &all)
    };
    for password in [WRONG, PASSWORD] {
        with(&mut app, "auth.sign_in($1, $2, $3)", &[ANN, password]);
        with(
            &mut app,
            "auth.sign_up($1, $2, '{}', $3)",
            &["carl@example.com", password],
        );
    }
    for (request, kind) in [
        // First: the others confirm the address.
        ("email_confirmation", "confirm_email"),
        ("magic_link", "magic_link"),
        ("email_code", "email_otp"),
    ] {
        let call = match request {
            "magic_link" => "auth.request_magic_link($1, null, $2)".to_owned(),
            other => format!("auth.request_{other}($1, $2)"),
        };
        with(&mut app, &call, &[ANN]);
        let carried = mailed(database, kind);
        match kind {
            "magic_link" => with(
                &mut app,
                "auth.sign_in_with_magic_link($1, $2)",
                &[&carried],
            ),
            "email_otp" => with(
                &mut app,
                "auth.sign_in_with_email_code($1, $2, $3)",
                &[ANN, &carried],
            ),
            _ => with(&mut app, "auth.confirm_email($1, $2)", &[&carried]),
        };
        secrets.push(carried);
    }
    let changes = json!({"password": NEW, "current_password": PASSWORD, "email": "ann2@example.com", "user_metadata": {"a": "ann@example.com"}});
    act_as(
        &mut app,
        &ann.token,
        "auth.update_user($1, $2)",
        &[&changes, &json!({"user_agent": "agent"})],
    );
    let mut owner = database.superuser();
    let made = act(
        &mut owner,
        "auth.admin_create_user('x@example.com', '{\"skip_email\": true}', $1)",
        &[&context],
    );
    secrets.push(text(&made, "temporary_password"));
    let key = act(
        &mut owner,
        "auth.create_service_key('{\"name\": \"k\"}', $1)",
        &[&context],
    );
    secrets.push(text(&key, "key"));
    act(
        &mut owner,
        "auth.admin_update_user($1::text::uuid, $2, $3)",
        &[
            &ann.id,
            &json!({"password": PASSWORD, "email": ANN}),
            &context,
        ],
    );
    act(
        &mut owner,
        "auth.admin_delete_user($1::text::uuid, $2)",
        &[&ann.id, &context],
    );
    assert!(count(database, "select count(*) from audit.events") > 12);
    for secret in secrets {
        let found: i64 = owner
            .query_one(
                "select count(*) from audit.events e where position($1 in e::text) > 0",
                &[&secret],
            )
            .expect("searched")
            .get(0);
        assert_eq!(found, 0, "{secret:.12}");
    }
    assert!(
        count(
            database,
            "select count(*) from audit.events e where e::text like '%agent%'"
        ) > 12
    );
}

fn context(database: &Database) {
    let mut app = database.app();
    for (context, expected) in [
        (
            json!({"ip": "192.0.2.1", "user_agent": "a", "request_id": "r"}),
            "192.0.2.1/32|a|r",
        ),
        (
            json!({"ip": "no address", "user_agent": 7, "request_id": ["r"]}),
            "||",
        ),
        (
            json!({"ip": "192.0.2.1; drop table audit.events", "user_agent": "'; --"}),
            "|'; --|",
        ),
        (json!([]), "||"),
        (json!("x"), "||"),
        (Value::Null, "||"),
    ] {
        for password in [WRONG, PASSWORD] {
            act(
                &mut app,
                "auth.sign_in($1, $2, $3)",
                &[&ANN, &password, &context],
            );
            let written = value(
                &mut database.superuser(),
                "select concat_ws('|', coalesce(ip::cidr::text, ''), coalesce(user_agent, ''), coalesce(request_id, '')) \
                 from audit.events order by at desc limit 1",
            );
            assert_eq!(
                written.expect("asked").as_deref(),
                Some(expected),
                "{context} {password}"
            );
        }
    }
    assert_eq!(
        count(
            database,
            "select count(*) from audit.events where outcome = 'failure'"
        ),
        6
    );
}
