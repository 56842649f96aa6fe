//! What administrators read.

use super::Test;
use crate::acts::{act, act_as, assert_refused, promoted, superuser};
use fluxbase_tests::fixture::Database;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("a_search_takes_patterns_for_text", patterns),
        ("pages_hold_what_they_are_asked_for", pages),
        ("a_filter_that_cannot_be_read_is_refused_by_name", no_filter),
        ("no_answer_holds_a_hash_or_a_token", nothing_secret),
        ("an_unknown_user_is_not_found", unknown),
        ("sessions_of_everybody_are_listed_and_ended", sessions),
        ("the_audit_is_read_by_its_fields", audit),
    ]
}

fn list(database: &Database, filter: &Value) -> Value {
    act(
        &mut database.superuser(),
        "auth.admin_list_users($1)",
        &[filter],
    )
}

fn emails(reply: &Value) -> Vec<&str> {
    reply["users"]
        .as_array()
        .expect("users")
        .iter()
        .map(|user| user["email"].as_str().unwrap_or("none"))
        .collect()
}

fn patterns(database: &Database) {
    superuser(
        database,
        "delete from auth.users;
         insert into auth.users (email, created_at) select e, now() + n * interval '1 second' from unnest(array[
           'a%b@example.com', 'a_b@example.com', 'a\\b@example.com', 'axb@example.com', 'a''b@example.com']) with ordinality as t(e, n);
         insert into auth.users (is_anonymous) values (true)",
    );
    for (search, found) in [
        ("%", vec!["a%b@example.com"]),
        ("_", vec!["a_b@example.com"]),
        ("\\", vec!["a\\b@example.com"]),
        ("a_b", vec!["a_b@example.com"]),
        ("a%", vec!["a%b@example.com"]),
        ("A%B", vec!["a%b@example.com"]),
        ("'", vec!["a'b@example.com"]),
        (
            "x",
            vec![
                "a%b@example.com",
                "a_b@example.com",
                "a\\b@example.com",
                "axb@example.com",
                "a'b@example.com",
            ],
        ),
        ("AXB@", vec!["axb@example.com"]),
        ("%%", vec![]),
        ("nobody", vec![]),
        ("' or true --", vec![]),
    ] {
        let reply = list(database, &json!({"search": search}));
        assert_eq!(emails(&reply), found, "{search}");
        assert_eq!(reply["total"], found.len(), "{search}");
    }
    for everybody in [json!({}), json!({"search": ""}), json!({"search": null})] {
        assert_eq!(list(database, &everybody)["total"], 6);
    }
}

fn pages(database: &Database) {
    superuser(
        database,
        "insert into auth.users (email, created_at) select format('u%s@example.com', n), now() + n * interval '1 second' from generate_series(1, 60) n;
         update auth.users set role = 'admin' where email = 'u1@example.com';
         update auth.users set role = 'dashboard_admin' where email = 'u2@example.com'",
    );
    for (filter, users, total) in [
        (json!({}), 50, 62),
        (json!({"limit": 10}), 10, 62),
        (json!({"limit": 10, "offset": 60}), 2, 62),
        (json!({"limit": 10, "offset": 100}), 0, 62),
        (json!({"limit": 100_000}), 62, 62),
        (json!({"limit": 0}), 0, 62),
        (json!({"limit": "10", "offset": null}), 10, 62),
        (json!({"limit": 100, "exclude_admins": true}), 60, 60),
        (json!({"limit": 100, "type": "dashboard"}), 1, 1),
        (json!({"limit": 100, "type": "app"}), 61, 61),
        (json!({"limit": 3, "search": "u1"}), 3, 11),
    ] {
        let reply = list(database, &filter);
        assert_eq!(
            (emails(&reply).len(), &reply["total"]),
            (users, &json!(total)),
            "{filter}"
        );
    }
    let pages: Vec<Value> = (0..7)
        .map(|page| list(database, &json!({"limit": 10, "offset": page * 10})))
        .collect();
    let mut all: Vec<&str> = pages.iter().flat_map(emails).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 62);
    for call in LISTS {
        for filter in [json!({"limit": 0}), json!({"limit": 100_000})] {
            let reply = act(&mut database.superuser(), call, &[&filter]);
            assert!(reply.get("code").is_none(), "{call} {filter}: {reply}");
        }
    }
}

const LISTS: [&str; 4] = [
    "auth.admin_list_users($1)",
    "auth.admin_list_sessions($1)",
    "auth.admin_audit($1)",
    "auth.list_impersonations($1)",
];

/// An empty page for `limit=-1` looks like a database without users.
fn no_filter(database: &Database) {
    let mut superuser = database.superuser();
    for call in LISTS {
        for (name, value) in [
            ("limit", json!(-1)),
            ("limit", json!("abc")),
            ("limit", json!("")),
            ("limit", json!(1.5)),
            ("limit", json!("99999999999999999999")),
            ("limit", json!([])),
            ("offset", json!(-7)),
            ("offset", json!("1;2")),
            ("exclude_admins", json!("perhaps")),
            ("include_expired", json!(2)),
            ("type", json!("admin")),
            ("outcome", json!("good")),
            ("user_id", json!("me")),
            ("since", json!("yesteryear")),
            ("since", json!("2026-01-01T00:00:00 Nowhere/At_All")),
        ] {
            let reply = act(&mut superuser, call, &[&json!({name: value})]);
            assert_refused(&reply, "INVALID_INPUT");
            let said = reply["error"].as_str().expect("a sentence");
            let accepted = said.strip_prefix(name).expect("the name");
            assert!(accepted.starts_with(" must be "), "{said}");
        }
        let filter = json!({"limit": 5, "offset": 0, "exclude_admins": false, "include_expired": "true", "type": "app",
            "outcome": "failure", "user_id": database.fixture.ann.id, "since": "2026-01-02T03:04:05Z", "search": "-1",
            "event": "abc", "other": -1});
        let reply = act(&mut superuser, call, &[&filter]);
        assert!(reply.get("code").is_none(), "{call}: {reply}");
    }
    // Whoever may not read is told that and nothing else.
    let ann = &database.fixture.ann.token;
    for call in LISTS {
        let reply = act_as(&mut database.app(), ann, call, &[&json!({"limit": "abc"})]);
        assert_refused(&reply, "ADMIN_REQUIRED");
    }
}

fn nothing_secret(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    for call in [
        "auth.admin_list_users()",
        "auth.admin_get_user($1::text::uuid)",
        "auth.admin_list_sessions()",
        "auth.admin_audit()",
        "auth.list_impersonations()",
    ] {
        let reply = if call.contains("$1") {
            act_as(&mut app, &admin.token, call, &[&database.fixture.bob.id])
        } else {
            act_as(&mut app, &admin.token, call, &[])
        };
        let text = reply.to_string();
        for secret in ["argon2", "hash", "\\\\x", "eyJ", "Correct-Horse"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let reply = act_as(
        &mut app,
        &admin.token,
        "auth.admin_get_user($1::text::uuid)",
        &[&database.fixture.bob.id],
    );
    assert_eq!(
        (
            &reply["email"],
            &reply["provider"],
            &reply["active_sessions"],
            &reply["is_locked"],
            &reply["two_factor_enabled"]
        ),
        (
            &json!("bob@example.com"),
            &json!("email"),
            &json!(1),
            &json!(false),
            &json!(false)
        )
    );
}

fn unknown(database: &Database) {
    let nobody = "00000000-0000-0000-0000-000000000001";
    for call in [
        "admin_get_user($1::text::uuid)",
        "admin_update_user($1::text::uuid, '{\"role\": \"admin\"}')",
        "admin_delete_user($1::text::uuid)",
        "admin_lock_user($1::text::uuid)",
        "admin_unlock_user($1::text::uuid)",
        "admin_reset_password($1::text::uuid)",
        "admin_remove_factor($1::text::uuid)",
        "admin_revoke_user($1::text::uuid)",
        "admin_revoke_session($1::text::uuid)",
    ] {
        let reply = act(
            &mut database.superuser(),
            &format!("auth.{call}"),
            &[&nobody],
        );
        assert_refused(&reply, "NOT_FOUND");
    }
}

fn sessions(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let bob = &database.fixture.bob;
    let reply = act_as(&mut app, &admin.token, "auth.admin_list_sessions()", &[]);
    assert_eq!(
        (&reply["count"], &reply["total_count"]),
        (&json!(2), &json!(2))
    );
    let all = reply["sessions"].as_array().expect("sessions");
    let of_bob = all
        .iter()
        .find(|session| session["user_email"] == "bob@example.com")
        .expect("bob's");
    let id = of_bob["id"].as_str().expect("an id");
    let end = "auth.admin_revoke_session($1::text::uuid)";
    let reply = act_as(&mut app, &admin.token, end, &[&id]);
    assert_eq!(reply, json!({"message": "The session has ended"}));
    assert_eq!(
        crate::acts::enters(&mut app, &bob.token),
        Err("FX003".to_owned())
    );
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&bob.refresh]),
        "INVALID_TOKEN",
    );
    assert_refused(&act_as(&mut app, &admin.token, end, &[&id]), "NOT_FOUND");
    superuser(
        database,
        "insert into auth.sessions (id, user_id, refresh_token_hash, method, expires_at, ends_at) \
         select gen_random_uuid(), id, sha256('x'), 'password', now() - interval '1 hour', now() from auth.users where email = 'bob@example.com'",
    );
    let alive = act_as(&mut app, &admin.token, "auth.admin_list_sessions()", &[]);
    assert_eq!(alive["total_count"], 1);
    let with_expired = act_as(
        &mut app,
        &admin.token,
        "auth.admin_list_sessions('{\"include_expired\": true}')",
        &[],
    );
    assert_eq!(with_expired["total_count"], 2);
}

fn audit(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    act(
        &mut app,
        "auth.sign_in('bob@example.com', 'Wrong-Horse-7-Battery', '{\"ip\": \"203.0.113.7\"}')",
        &[],
    );
    act_as(
        &mut app,
        &admin.token,
        "auth.admin_lock_user($1::text::uuid, '{\"ip\": \"198.51.100.9\", \"request_id\": \"r1\"}')",
        &[&database.fixture.bob.id],
    );
    let read = |app: &mut _, filter: &Value| -> Vec<Value> {
        let reply = act_as(app, &admin.token, "auth.admin_audit($1)", &[filter]);
        reply["events"].as_array().expect("events").clone()
    };
    let found = read(&mut app, &json!({"event": "admin.user_lock"}));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (
            &found[0]["user_id"],
            &found[0]["actor_id"],
            &found[0]["ip"],
            &found[0]["request_id"]
        ),
        (
            &json!(database.fixture.bob.id),
            &json!(admin.id),
            &json!("198.51.100.9"),
            &json!("r1")
        )
    );
    let found = read(
        &mut app,
        &json!({"outcome": "failure", "user_id": database.fixture.bob.id}),
    );
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0]["reason"], &found[0]["ip"]),
        (&json!("wrong_password"), &json!("203.0.113.7"))
    );
    assert!(read(&mut app, &json!({"since": "2999-01-01"})).is_empty());
    assert_eq!(read(&mut app, &json!({"limit": 1})).len(), 1);
}
