//! Tokens that belong to no session: signed by somebody else who knows the shared secret, or API keys. They end when
//! their user does, when they are revoked by name, or when everything is.

use super::{Tests, over};
use crate::acts::{act, act_as, configure, enters, superuser, text, try_as};
use fluxbase_tests::fixture::Database;
use fluxbase_tests::forge::{hs256, now, payload_of};
use serde_json::{Value, json};
use std::time::Duration;

pub const TESTS: Tests = &[
    ("a_foreign_token_of_a_disabled_user_is_refused", disabled),
    (
        "a_foreign_token_of_a_deleted_user_is_refused_for_ever",
        deleted,
    ),
    (
        "a_foreign_token_of_a_revoked_user_is_refused_unless_newer",
        revoked,
    ),
    (
        "a_foreign_token_that_names_a_session_is_as_good_as_that_session",
        names_a_session,
    ),
    ("a_foreign_token_revoked_by_its_jti_is_refused", by_jti),
    (
        "an_api_key_revoked_by_its_jti_is_refused_and_another_is_not",
        api_key,
    ),
    ("a_revocation_that_runs_out_can_be_made_to_last", lasting),
    ("foreign_tokens_end_with_everything", everything),
];

const SECRET: &str = "a shared secret of more than thirty-two characters";

fn payload(user: &str) -> Value {
    json!({"iss": "fluxbase", "aud": "fluxbase", "sub": user, "role": "authenticated", "token_type": "access",
        "jti": "one", "iat": now(), "exp": now() + 3600})
}

fn signed(payload: &Value) -> String {
    hs256(payload, SECRET.as_bytes())
}

/// The payload with one member changed, or taken out.
fn with(mut payload: Value, name: &str, value: Value) -> Value {
    let members = payload.as_object_mut().expect("an object");
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    payload
}

/// Waits until tokens are issued in another second.
fn next_second() {
    std::thread::sleep(Duration::from_millis(1100));
}

fn disabled(database: &Database) {
    configure(database, "jwt_secret", SECRET);
    let mut knew = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let (hers, his) = (signed(&payload(&ann.id)), signed(&payload(&bob.id)));
    assert_eq!(enters(&mut knew, &hers), Ok(()));
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    let later = signed(&with(payload(&ann.id), "iat", json!(now() + 3000)));
    for client in [&mut knew, &mut database.app()] {
        assert_eq!(enters(client, &hers), over());
        assert_eq!(enters(client, &later), over());
        assert_eq!(enters(client, &his), Ok(()));
    }
    superuser(database, "update auth.users set disabled_at = null");
    assert_eq!(enters(&mut knew, &hers), over());
    next_second();
    assert_eq!(enters(&mut knew, &signed(&payload(&ann.id))), Ok(()));
}

fn deleted(database: &Database) {
    configure(database, "jwt_secret", SECRET);
    let mut knew = database.app();
    let ann = &database.fixture.ann;
    let hers = signed(&payload(&ann.id));
    assert_eq!(enters(&mut knew, &hers), Ok(()));
    superuser(
        database,
        "delete from auth.users where email = 'ann@example.com'",
    );
    let later = signed(&with(payload(&ann.id), "iat", json!(now() + 3000)));
    for token in [&hers, &later] {
        assert_eq!(enters(&mut knew, token), over());
        assert_eq!(enters(&mut database.app(), token), over());
    }
    // A user whom only the other issuer knows.
    let stranger = payload("11111111-2222-4333-8444-555555555555");
    assert_eq!(enters(&mut knew, &signed(&stranger)), Ok(()));
}

fn revoked(database: &Database) {
    configure(database, "jwt_secret", SECRET);
    let mut knew = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let old = [
        signed(&payload(&ann.id)),
        // One that does not say when it was issued counts as issued before.
        signed(&with(payload(&ann.id), "iat", Value::Null)),
    ];
    for token in &old {
        assert_eq!(enters(&mut knew, token), Ok(()));
    }
    let mut owner = database.superuser();
    act(
        &mut owner,
        "auth.admin_revoke_user($1::text::uuid)",
        &[&ann.id],
    );
    for token in &old {
        assert_eq!(enters(&mut knew, token), over());
    }
    assert_eq!(enters(&mut knew, &signed(&payload(&bob.id))), Ok(()));
    next_second();
    assert_eq!(enters(&mut knew, &signed(&payload(&ann.id))), Ok(()));
    assert_eq!(
        enters(
            &mut knew,
            &signed(&with(payload(&ann.id), "iat", Value::Null))
        ),
        over()
    );
}

fn names_a_session(database: &Database) {
    configure(database, "jwt_secret", SECRET);
    let mut knew = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let session = payload_of(&ann.token)["session_id"].clone();
    let with_session =
        |user: &str, session: &Value| with(payload(user), "session_id", session.clone());
    let hers = signed(&with_session(&ann.id, &session));
    assert_eq!(enters(&mut knew, &hers), Ok(()));
    let made_up = json!("11111111-2222-4333-8444-555555555555");
    for payload in [
        with_session(&ann.id, &made_up),
        with_session(&bob.id, &session),
        with(with_session(&ann.id, &session), "epoch", json!(1)),
    ] {
        assert_eq!(enters(&mut knew, &signed(&payload)), over(), "{payload}");
    }
    let nobodys = with(with_session(&ann.id, &session), "sub", Value::Null);
    assert_eq!(
        enters(&mut knew, &signed(&nobodys)),
        Err("FX001".to_owned())
    );
    act_as(&mut database.app(), &ann.token, "auth.sign_out()", &[]);
    assert_eq!(enters(&mut knew, &hers), over());
}

fn by_jti(database: &Database) {
    configure(database, "jwt_secret", SECRET);
    let mut knew = database.app();
    let ann = &database.fixture.ann;
    let hers = signed(&payload(&ann.id));
    let other = signed(&with(payload(&ann.id), "jti", json!("other")));
    let nameless = signed(&with(payload(&ann.id), "jti", Value::Null));
    assert_eq!(enters(&mut knew, &hers), Ok(()));
    let jti = text(&payload_of(&ann.token), "jti");
    let mut owner = database.superuser();
    for jti in ["one", &jti] {
        owner
            .execute("select auth.revoke_token($1)", &[&jti])
            .expect("revoked");
    }
    assert_eq!(enters(&mut knew, &hers), over());
    assert_eq!(enters(&mut knew, &other), Ok(()));
    assert_eq!(enters(&mut knew, &nameless), Ok(()));
    // An access token of a session has a name too, and its session goes on.
    assert_eq!(enters(&mut knew, &ann.token), over());
    let next = super::refresh(&mut knew, ann);
    assert_eq!(enters(&mut knew, &text(&next, "access_token")), Ok(()));
}

fn api_key(database: &Database) {
    let fixture = &database.fixture;
    let mut knew = database.app();
    for key in [&fixture.service_key, &fixture.anon_key] {
        assert_eq!(enters(&mut knew, key), Ok(()));
    }
    let jti = text(&payload_of(&fixture.service_key), "jti");
    // By the key itself: whoever finds it in the wrong place can end it with it.
    let revoke = "to_jsonb(auth.revoke_token($1, 'leaked')::text)";
    let outcome = try_as(&mut database.app(), &fixture.service_key, revoke, &[&jti]);
    assert!(outcome.is_ok(), "{outcome:?}");
    for client in [&mut knew, &mut database.app()] {
        assert_eq!(enters(client, &fixture.service_key), over());
        assert_eq!(enters(client, &fixture.anon_key), Ok(()));
    }
    let outcome = try_as(&mut database.app(), &fixture.service_key, revoke, &[&jti]);
    assert_eq!(outcome, over().map(|()| Value::Null));
}

fn lasting(database: &Database) {
    let fixture = &database.fixture;
    let jti = text(&payload_of(&fixture.anon_key), "jti");
    let (mut knew, mut owner) = (database.app(), database.superuser());
    for until in ["now() + interval '1 second'", "null"] {
        owner
            .execute(
                &format!("select auth.revoke_token($1, 'leaked', {until})"),
                &[&jti],
            )
            .expect("revoked");
    }
    std::thread::sleep(Duration::from_millis(1200));
    // Each revocation forgets those that have run out.
    owner
        .batch_execute("select auth.revoke_token('another')")
        .expect("revoked");
    assert_eq!(enters(&mut knew, &fixture.anon_key), over());
    assert_eq!(enters(&mut knew, &fixture.service_key), Ok(()));
}

fn everything(database: &Database) {
    configure(database, "jwt_secret", SECRET);
    let mut knew = database.app();
    let hers = signed(&payload(&database.fixture.ann.id));
    let key = signed(
        &json!({"iss": "fluxbase", "aud": "fluxbase", "role": "anon", "iat": now(), "exp": now() + 3600}),
    );
    for token in [&hers, &key] {
        assert_eq!(enters(&mut knew, token), Ok(()));
    }
    let mut owner = database.superuser();
    act(&mut owner, "auth.revoke_everything(false)", &[]);
    assert_eq!(enters(&mut knew, &hers), over());
    assert_eq!(enters(&mut knew, &key), Ok(()));
    act(&mut owner, "auth.revoke_everything(true)", &[]);
    assert_eq!(enters(&mut knew, &key), over());
    next_second();
    assert_eq!(
        enters(&mut knew, &signed(&payload(&database.fixture.ann.id))),
        Ok(())
    );
}
