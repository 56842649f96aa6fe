//! Metadata is what its owner wrote: every digit is kept, and what a token cannot carry is refused before it is stored.

use super::Tests;
use crate::acts::{act_as, assert_refused, count, promoted, state};
use crate::seal::{sqlstate, value};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use postgres::types::ToSql;
use serde_json::Value;

pub const TESTS: Tests = &[
    ("numbers_keep_every_digit", digits),
    (
        "metadata_no_token_can_carry_is_refused_before_it_is_stored",
        no_token,
    ),
    (
        "a_value_nested_a_thousandfold_is_the_callers_mistake",
        thousandfold,
    ),
    (
        "claims_no_jsonb_can_hold_are_not_taken",
        claims_beyond_jsonb,
    ),
];

/// As written, and as PostgreSQL writes it.
fn written() -> (String, String) {
    let given = r#"{"a": 1.10, "b": 1e400, "c": -123456789012345678901234567890, "d": 1e-300, "e": [0.0],
        "f": {"$serde_json::private::Number": "x"}, "g": {"$serde_json::private::RawValue": "{"}}"#;
    let shown = format!(
        r#"{{"a": 1.10, "b": 1{}, "c": -123456789012345678901234567890, "d": 0.{}1, "e": [0.0], "f": {{"$serde_json::private::Number": "x"}}, "g": {{"$serde_json::private::RawValue": "{{"}}}}"#,
        "0".repeat(400),
        "0".repeat(299)
    );
    (given.to_owned(), shown)
}

/// What an act answers, as text: not every reader of JSON knows all these numbers.
#[track_caller]
fn answer(client: &mut Client, call: &str, given: &[&(dyn ToSql + Sync)]) -> String {
    match client.query_one(&format!("select ({call})::text"), given) {
        Ok(row) => row.get(0),
        Err(error) => panic!("{call}: {error:?}"),
    }
}

#[track_caller]
fn answer_as(app: &mut Client, token: &str, call: &str, given: &[&(dyn ToSql + Sync)]) -> String {
    let reply = act_as(app, token, &format!("to_jsonb(({call})::text)"), given);
    reply.as_str().expect("a text").to_owned()
}

/// A token of a reply.
fn token(reply: &str, name: &str) -> String {
    let (_, rest) = reply
        .split_once(&format!("\"{name}\": \""))
        .unwrap_or_else(|| panic!("no {name} in {reply}"));
    rest.split('"').next().expect("a token").to_owned()
}

fn digits(database: &Database) {
    let (given, shown) = written();
    let mut app = database.app();
    let signed_up = answer(
        &mut app,
        "auth.sign_up('new@example.com', $1, $2::text::jsonb)",
        &[&PASSWORD, &given],
    );
    let signed_in = answer(
        &mut app,
        "auth.sign_in('new@example.com', $1)",
        &[&PASSWORD],
    );
    let refresh = token(&signed_in, "refresh_token");
    let refreshed = answer(&mut app, "auth.refresh($1)", &[&refresh]);
    let asked = "jsonb_build_array(auth.jwt()->'user_metadata', auth.get_user()->'user_metadata')";
    for reply in [&signed_up, &signed_in, &refreshed] {
        assert!(reply.contains(&shown), "{reply}");
    }
    for reply in [&signed_up, &refreshed] {
        let access = token(reply, "access_token");
        let seen = answer_as(&mut app, &access, asked, &[]);
        assert_eq!(seen, format!("[{shown}, {shown}]"));
    }
    // Changed by its owner.
    let ann = &database.fixture.ann;
    let change = "auth.update_user(jsonb_build_object('user_metadata', $1::text::jsonb))";
    let reply = answer_as(&mut app, &ann.token, change, &[&given]);
    assert!(reply.contains(&shown), "{reply}");
    // Made and changed by an administrator.
    let both =
        "jsonb_build_object('user_metadata', $1::text::jsonb, 'app_metadata', $1::text::jsonb)";
    let made = answer(
        &mut database.superuser(),
        &format!("auth.admin_create_user('made@example.com', {both})"),
        &[&given],
    );
    assert_eq!(made.matches(&shown).count(), 3, "{made}");
    let bob = &database.fixture.bob.id;
    let changed = answer(
        &mut database.superuser(),
        &format!("auth.admin_update_user($2::text::uuid, {both})"),
        &[&given, bob],
    );
    assert_eq!(changed.matches(&shown).count(), 3, "{changed}");
    let stored = format!(
        "select string_agg(split_part(email, '@', 1), ' ' order by email) from auth.users where user_metadata::text = '{shown}'"
    );
    let stored = value(&mut database.superuser(), &stored).expect("asked");
    assert_eq!(stored.as_deref(), Some("ann bob made new"));
    // A key of theirs says it too, and so do the tokens of whoever acts as them.
    let key = act_as(
        &mut app,
        &ann.token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"], \"other\": 1e400}')",
        &[],
    );
    let seen = answer_as(
        &mut app,
        key["key"].as_str().expect("a key"),
        "auth.jwt()->'user_metadata'",
        &[],
    );
    assert_eq!(seen, shown);
}

/// `depth` levels of objects and arrays.
fn nested(depth: usize) -> String {
    format!(
        r#"{{"a": {}{}}}"#,
        "[".repeat(depth - 1),
        "]".repeat(depth - 1)
    )
}

/// Attack: somebody's own metadata, written so that no token can be made of it any more, locks its owner out; and at sign-up
/// it left an account behind although the answer was a refusal.
fn no_token(database: &Database) {
    let admin = promoted(database, &database.fixture.bob, "admin");
    let ann = &database.fixture.ann;
    let mut app = database.app();
    let before = (state(database), count(database, EVENTS));
    let long = format!(r#"{{"n": 1e{}}}"#, 2048);
    for given in [&nested(32), &nested(60), &long] {
        for reply in [
            app.query_one(
                "select auth.sign_up('new@example.com', $1, $2::text::jsonb)",
                &[&PASSWORD, given],
            )
            .expect("a reply")
            .get::<_, Value>(0),
            act_as(
                &mut app,
                &ann.token,
                "auth.update_user(jsonb_build_object('user_metadata', $1::text::jsonb))",
                &[given],
            ),
            act_as(
                &mut app,
                &admin.token,
                "auth.admin_update_user($2::text::uuid, jsonb_build_object('app_metadata', $1::text::jsonb))",
                &[given, &ann.id],
            ),
            act_as(
                &mut app,
                &admin.token,
                "auth.admin_create_user('new@example.com', jsonb_build_object('app_metadata', $1::text::jsonb))",
                &[given],
            ),
        ] {
            assert_refused(&reply, "VALIDATION_FAILED");
            let said = reply["error"].as_str().expect("a sentence");
            assert!(
                said.contains("_metadata is longer than 2048 bytes")
                    || said.contains("_metadata is nested too deeply"),
                "{said}"
            );
        }
    }
    assert_eq!((state(database), count(database, EVENTS)), before);
    let deepest = nested(31);
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.update_user(jsonb_build_object('user_metadata', $1::text::jsonb))",
        &[&deepest],
    );
    assert_eq!(
        reply["user_metadata"],
        serde_json::from_str::<Value>(&deepest).expect("JSON")
    );
    let row = app.query_one("select auth.sign_in('ann@example.com', $1)", &[&PASSWORD]);
    let signed_in = Account::from_reply(&row.expect("a reply").get(0));
    let seen = act_as(
        &mut app,
        &signed_in.token,
        "auth.jwt()->'user_metadata'",
        &[],
    );
    assert_eq!(seen, reply["user_metadata"]);
}

const EVENTS: &str = "select count(*) from audit.events";

/// Every native act that takes a jsonb. It was a panic, which is answered as a fault of ours.
fn thousandfold(database: &Database) {
    let mut superuser = database.superuser();
    let before = state(database);
    for call in [
        "auth.sign_up('new@example.com', 'Correct-Horse-7-Battery', $1::text::jsonb)",
        "auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery', $1::text::jsonb)",
        "auth.sign_in_anonymously($1::text::jsonb)",
        "auth.refresh('x', $1::text::jsonb)",
        "auth.update_user($1::text::jsonb)",
        "auth.admin_create_user('new@example.com', $1::text::jsonb)",
        "auth.admin_update_user(gen_random_uuid(), $1::text::jsonb)",
        "auth.create_service_key($1::text::jsonb)",
        "auth.create_client_key($1::text::jsonb)",
        "auth.impersonate_role('anon', 'why', $1::text::jsonb)",
    ] {
        for depth in [65, 1000] {
            let outcome = superuser.query_one(&format!("select {call}"), &[&nested(depth)]);
            assert_eq!(sqlstate(&outcome).as_deref(), Some("22023"), "{call}");
        }
        let outcome = superuser.query_one(&format!("select {call}"), &[&nested(64)]);
        let reply: Value = outcome.expect("a reply").get(0);
        assert!(reply.is_object(), "{call}: {reply}");
    }
    // What was not for the caller to say is refused, a key without a name is, and signing in is not kept from anybody.
    let after = state(database);
    let changed: Vec<&str> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before != after)
        .map(|(before, _)| before.0.as_str())
        .collect();
    assert_eq!(changed, ["users", "sessions", "one_time_tokens"]);
}

/// `auth.jwt()` is a jsonb: in policies it would fail, long after the token was let in.
fn claims_beyond_jsonb(database: &Database) {
    let mut trusty = database.connect("trusty");
    let set = "select set_config('request.jwt.claims', $1, false)";
    for number in ["1e131072", "1e-16384", "1E99999999999"] {
        let claims = format!(r#"{{"role": "authenticated", "deep": [{number}]}}"#);
        let outcome = trusty.execute(set, &[&claims]);
        assert!(sqlstate(&outcome).is_some(), "{number}");
    }
    for number in ["1e131071", "1e-16383", "1.10", "0e99999999"] {
        let claims = format!(r#"{{"role": "authenticated", "deep": [{number}]}}"#);
        trusty.execute(set, &[&claims]).expect("set");
        let asked = format!("(auth.jwt()->'deep'->0 = '{number}'::jsonb)::text");
        assert_eq!(answer(&mut trusty, &asked, &[]), "true", "{number}");
    }
}
