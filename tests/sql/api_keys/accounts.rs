//! Scopes limit what a key does to accounts in SQL too, where nobody says with the request what it is for.

use super::{Test, client_key, service_key};
use fluxbase_tests::fixture::Database;
use postgres::Client;
use serde_json::Value;

pub fn tests() -> Vec<Test> {
    vec![
        (
            "a_key_acts_on_accounts_within_its_scopes_alone",
            within_scopes,
        ),
        ("a_reading_key_changes_no_account", reading),
    ]
}

/// What looks at nobody's account but says who has entered, or takes a credential of its own.
const OTHERS: &[&str] = &[
    "at_most",
    "aal",
    "confirm_email",
    "current_user_id",
    "current_user_role",
    "disable_rls",
    "email",
    "enable_rls",
    "exactly_one",
    "is_admin",
    "is_authenticated",
    "jwks",
    "jwt",
    "role",
    "session_id",
    "uid",
];

/// Every function that this role may call, with arguments that fit.
fn acts(database: &Database, role: &str) -> Vec<String> {
    database
        .superuser()
        .query(
            "select p.proname, format('auth.%I(%s)', p.proname, (select string_agg(case t.typname \
                 when 'jsonb' then '''{}''' when 'uuid' then '''00000000-0000-0000-0000-000000000001''' \
                 when 'bool' then 'false' when 'text' then '''x''' else 'null' end || '::' || t.typname, ', ' order by a.n) \
               from unnest(p.proargtypes) with ordinality a (type, n) join pg_type t on t.oid = a.type)) \
             from pg_proc p where p.pronamespace = 'auth'::regnamespace and has_function_privilege($1, p.oid, 'execute') \
             order by 2",
            &[&role],
        )
        .expect("asked")
        .iter()
        .filter(|row| !OTHERS.contains(&row.get::<_, &str>(0)))
        .map(|row| row.get(1))
        .collect()
}

/// The code of the answer, or of the error, of a key that calls this.
fn asked(app: &mut Client, key: &str, call: &str) -> String {
    app.batch_execute("begin").expect("begins");
    app.execute("select auth.enter($1)", &[&key])
        .expect("enters");
    let reply = app.query_one(&format!("select to_jsonb({call})"), &[]);
    app.batch_execute("rollback").expect("ends");
    match reply {
        Ok(row) => row
            .get::<_, Option<Value>>(0)
            .map_or_else(String::new, |reply| {
                format!(
                    "{} {}",
                    reply["code"].as_str().unwrap_or_default(),
                    reply["error"].as_str().unwrap_or_default()
                )
            }),
        Err(error) => error
            .code()
            .map_or_else(String::new, |code| code.code().to_owned()),
    }
}

/// 1. A key that is to read and write tables is found in a program's settings. 2. In SQL it lists users and ends sessions.
fn within_scopes(database: &Database) {
    let mut app = database.app();
    let tables = &["read:tables", "write:tables", "execute:rpc", "read:rpc"];
    let ann = &database.fixture.ann;
    let missing = "INSUFFICIENT_PERMISSIONS The key has not the scope ";
    for (role, key, all) in [
        (
            "service_role",
            service_key(database, tables),
            service_key(database, &["*"]),
        ),
        (
            "authenticated",
            client_key(database, ann, tables),
            client_key(database, ann, &["*"]),
        ),
    ] {
        let acts = acts(database, role);
        assert!(acts.len() > 40, "{acts:?}");
        for call in &acts {
            let answer = asked(&mut app, &key.key, call);
            // The one that has nothing to answer.
            let refused = answer.starts_with(missing)
                || call.starts_with("auth.revoke_token(") && answer == "42501";
            assert!(refused, "{role}: {call}: {answer}");
            // The twin: whatever else is said to it.
            let answer = asked(&mut app, &all.key, call);
            assert!(!answer.starts_with(missing), "{role}: {call}: {answer}");
        }
    }
}

fn reading(database: &Database) {
    let mut app = database.app();
    let few = &["read:tables", "write:tables", "read:auth"];
    let key = service_key(database, few);
    let mut answers = |call: &str| asked(&mut app, &key.key, call);
    assert_eq!(answers("auth.admin_list_users()"), " ");
    for call in [
        "auth.admin_create_user('new@example.com')",
        "auth.admin_delete_user('00000000-0000-0000-0000-000000000001')",
        "auth.revoke_everything()",
        "auth.create_service_key('{\"name\": \"more\"}')",
    ] {
        assert_eq!(
            answers(call),
            "INSUFFICIENT_PERMISSIONS The key has not the scope write:auth",
            "{call}"
        );
    }
    assert_eq!(
        answers("auth.list_client_keys()"),
        "INSUFFICIENT_PERMISSIONS The key has not the scope read:clientkeys"
    );
}
