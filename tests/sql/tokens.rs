//! Tokens at `auth.enter`: each forged in its own way, each beside an honest one.

use crate::seal::{assert_nobody, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture, Shared};
use fluxbase_tests::forge::{self, Es256};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

const SECRET: &[u8] = b"a shared secret of more than thirty-two characters";

/// What a forger has: the database's own key (the strongest forger there is), a payload as issued to Ann.
struct Forger {
    key: Es256,
    honest: Value,
}

impl Forger {
    fn new(database: &Database) -> Self {
        Self {
            key: Es256::stolen_from(&mut database.superuser()),
            honest: forge::payload_of(&database.fixture.ann.token),
        }
    }

    /// Ann's payload with one member changed; `Null` takes it away.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut payload = self.honest.clone();
        let members = payload.as_object_mut().expect("an object");
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), value);
        }
        payload
    }

    fn changed(&self, name: &str, value: Value) -> String {
        self.key.sign(&self.with(name, value))
    }

    fn header(&self, header: Value) -> String {
        self.key.sign_with(&header, &self.honest.to_string())
    }

    fn hs256_with_the_public_key(&self, database: &Database) -> String {
        let jwks = value(&mut database.superuser(), "select auth.jwks()")
            .expect("asked")
            .expect("keys");
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": self.key.kid});
        forge::hs256_with(&header, &self.honest.to_string(), jwks.as_bytes())
    }
}

/// Tries to enter; the SQLSTATE of the refusal.
fn try_enter(app: &mut Client, token: &str) -> Option<String> {
    app.batch_execute("begin").expect("begins");
    let outcome = app.execute("select auth.enter($1)", &[&token]);
    let state = sqlstate(&outcome);
    if state.is_none() {
        let id: Option<String> = app
            .query_one("select auth.uid()::text", &[])
            .expect("asked")
            .get(0);
        assert!(id.is_some() || app.query_one("select current_user::text", &[]).is_ok());
    }
    app.batch_execute("rollback").expect("ends");
    state
}

type Forgery = fn(&Forger, &Database) -> String;

/// Forgery and the SQLSTATEs that refuse it.
fn forgeries() -> Vec<(&'static str, Forgery, &'static [&'static str])> {
    const BAD: &[&str] = &["FX001"];
    const WRONG: &[&str] = &["FX004"];
    const EXPIRED: &[&str] = &["FX002"];
    const ENDED: &[&str] = &["FX003"];
    const EITHER: &[&str] = &["FX001", "FX004"];
    vec![
        ("empty", |_, _| String::new(), BAD),
        ("garbage", |_, _| "not a token at all".into(), BAD),
        (
            "two_parts",
            |_, d| {
                d.fixture
                    .ann
                    .token
                    .rsplit_once('.')
                    .expect("three")
                    .0
                    .into()
            },
            BAD,
        ),
        (
            "four_parts",
            |_, d| format!("{}.x", d.fixture.ann.token),
            BAD,
        ),
        (
            "spaces_around",
            |_, d| format!(" {} ", d.fixture.ann.token),
            BAD,
        ),
        ("padding", |_, d| format!("{}==", d.fixture.ann.token), BAD),
        (
            "bearer_left_in_front",
            |_, d| format!("Bearer {}", d.fixture.ann.token),
            BAD,
        ),
        (
            "truncated_signature",
            |_, d| d.fixture.ann.token[..d.fixture.ann.token.len() - 4].into(),
            BAD,
        ),
        (
            "signature_of_another_token",
            |_, d| {
                let (head, _) = d.fixture.ann.token.rsplit_once('.').expect("three");
                let (_, tail) = d.fixture.bob.token.rsplit_once('.').expect("three");
                format!("{head}.{tail}")
            },
            BAD,
        ),
        (
            "payload_of_another_token",
            |_, d| {
                let part = |token: &str, n| token.split('.').nth(n).expect("three").to_owned();
                let (ann, bob) = (&d.fixture.ann.token, &d.fixture.bob.token);
                format!("{}.{}.{}", part(ann, 0), part(bob, 1), part(ann, 2))
            },
            BAD,
        ),
        ("alg_none", |f, _| forge::unsigned(&f.honest), BAD),
        (
            "alg_none_in_other_letters",
            |f, _| {
                format!(
                    "{}.{}.",
                    forge::b64(r#"{"alg":"nOnE"}"#),
                    forge::b64(f.honest.to_string())
                )
            },
            BAD,
        ),
        (
            "alg_none_with_a_signature",
            |f, _| f.header(json!({"alg": "none", "kid": f.key.kid})),
            BAD,
        ),
        (
            "empty_signature",
            |f, _| {
                format!(
                    "{}.{}.",
                    forge::b64(f.key.header().to_string()),
                    forge::b64(f.honest.to_string())
                )
            },
            BAD,
        ),
        (
            "zero_signature",
            |f, _| {
                format!(
                    "{}.{}.{}",
                    forge::b64(f.key.header().to_string()),
                    forge::b64(f.honest.to_string()),
                    forge::b64([0; 64])
                )
            },
            BAD,
        ),
        (
            "hs256_with_the_public_key_as_secret",
            |f, d| f.hs256_with_the_public_key(d),
            BAD,
        ),
        (
            "hs256_with_an_empty_secret",
            |f, _| forge::hs256(&f.honest, b""),
            BAD,
        ),
        (
            "hs256_with_a_guessed_secret",
            |f, _| forge::hs256(&f.honest, b"secret"),
            BAD,
        ),
        (
            "es256_named_hs256",
            |f, _| f.header(json!({"alg": "HS256", "kid": f.key.kid})),
            BAD,
        ),
        (
            "es256_named_rs256",
            |f, _| f.header(json!({"alg": "RS256", "kid": f.key.kid})),
            BAD,
        ),
        ("no_alg", |f, _| f.header(json!({"kid": f.key.kid})), BAD),
        ("no_kid", |f, _| f.header(json!({"alg": "ES256"})), BAD),
        (
            "unknown_kid",
            |f, _| Es256::made_up("nobody-knows-it").sign(&f.honest),
            BAD,
        ),
        (
            "known_kid_of_another_key",
            |f, _| Es256::made_up(&f.key.kid).sign(&f.honest),
            BAD,
        ),
        (
            "key_in_the_header",
            |f, _| f.header(json!({"alg": "ES256", "kid": f.key.kid, "jwk": {"kty": "EC"}})),
            BAD,
        ),
        (
            "key_by_address_in_the_header",
            |f, _| {
                f.header(json!({"alg": "ES256", "kid": f.key.kid, "jku": "https://evil.example"}))
            },
            BAD,
        ),
        (
            "critical_extension",
            |f, _| f.header(json!({"alg": "ES256", "kid": f.key.kid, "crit": ["exp"]})),
            BAD,
        ),
        (
            "kid_as_a_path",
            |f, _| Es256::made_up("../../dev/null").sign(&f.honest),
            BAD,
        ),
        (
            "kid_as_sql",
            |f, _| Es256::made_up("' or 1=1 --").sign(&f.honest),
            BAD,
        ),
        (
            "expired",
            |f, _| f.changed("exp", json!(forge::now() - 10)),
            EXPIRED,
        ),
        (
            "expired_this_second",
            |f, _| f.changed("exp", json!(forge::now())),
            EXPIRED,
        ),
        (
            "expired_in_1970",
            |f, _| f.changed("exp", json!(0)),
            EXPIRED,
        ),
        (
            "not_valid_yet",
            |f, _| f.changed("nbf", json!(forge::now() + 600)),
            EXPIRED,
        ),
        (
            "without_expiry",
            |f, _| f.changed("exp", Value::Null),
            EITHER,
        ),
        (
            "expiry_as_text",
            |f, _| f.changed("exp", json!("9999999999")),
            EITHER,
        ),
        (
            "expiry_beyond_numbers",
            |f, _| {
                f.key.sign_with(
                    &f.key.header(),
                    &f.honest
                        .to_string()
                        .replacen("\"exp\":", "\"exp\":1e999, \"x\":", 1),
                )
            },
            EITHER,
        ),
        (
            "other_issuer",
            |f, _| f.changed("iss", json!("supabase")),
            WRONG,
        ),
        (
            "without_issuer",
            |f, _| f.changed("iss", Value::Null),
            EITHER,
        ),
        (
            "other_audience",
            |f, _| f.changed("aud", json!(["somebody"])),
            WRONG,
        ),
        (
            "without_audience",
            |f, _| f.changed("aud", Value::Null),
            EITHER,
        ),
        (
            "refresh_token_as_bearer",
            |_, d| d.fixture.ann.refresh.clone(),
            WRONG,
        ),
        (
            "other_token_type",
            |f, _| f.changed("token_type", json!("id")),
            WRONG,
        ),
        (
            "without_token_type",
            |f, _| f.changed("token_type", Value::Null),
            EITHER,
        ),
        (
            "sub_is_no_uuid",
            |f, _| f.changed("sub", json!("ann")),
            EITHER,
        ),
        ("sub_is_empty", |f, _| f.changed("sub", json!("")), EITHER),
        (
            "sub_is_missing",
            |f, _| f.changed("sub", Value::Null),
            EITHER,
        ),
        ("sub_is_a_number", |f, _| f.changed("sub", json!(7)), EITHER),
        (
            "sub_in_braces",
            |f, d| f.changed("sub", json!(format!("{{{}}}", d.fixture.ann.id))),
            EITHER,
        ),
        (
            "sub_with_a_space",
            |f, d| f.changed("sub", json!(format!("{} ", d.fixture.ann.id))),
            EITHER,
        ),
        (
            "sub_twice",
            |f, d| {
                let twice = f.honest.to_string().replacen(
                    '{',
                    &format!("{{\"sub\":\"{}\",", d.fixture.bob.id),
                    1,
                );
                f.key.sign_with(&f.key.header(), &twice)
            },
            BAD,
        ),
        (
            "role_twice",
            |f, _| {
                f.key.sign_with(
                    &f.key.header(),
                    &f.honest
                        .to_string()
                        .replacen('{', "{\"role\":\"service_role\",", 1),
                )
            },
            BAD,
        ),
        (
            "session_of_another_user",
            |f, d| {
                f.changed(
                    "session_id",
                    forge::payload_of(&d.fixture.bob.token)["session_id"].clone(),
                )
            },
            ENDED,
        ),
        (
            "session_that_never_was",
            |f, _| f.changed("session_id", json!("00000000-0000-4000-8000-000000000000")),
            ENDED,
        ),
        (
            "session_is_no_uuid",
            |f, _| f.changed("session_id", json!("x")),
            EITHER,
        ),
        (
            "payload_is_an_array",
            |f, _| f.key.sign_with(&f.key.header(), "[1]"),
            EITHER,
        ),
        (
            "payload_is_no_json",
            |f, _| f.key.sign_with(&f.key.header(), "{"),
            EITHER,
        ),
        (
            "nul_in_a_claim",
            |f, _| f.changed("email", json!("ann\u{0}@example.com")),
            EITHER,
        ),
        (
            "nul_in_the_role",
            |f, _| f.changed("role", json!("authenticated\u{0}")),
            EITHER,
        ),
        (
            "role_is_a_list",
            |f, _| f.changed("role", json!(["service_role"])),
            EITHER,
        ),
        (
            "nine_kilobytes",
            |f, _| f.changed("user_metadata", json!({"x": "y".repeat(9000)})),
            BAD,
        ),
        ("ten_megabytes", |_, _| "a".repeat(10_000_000), BAD),
        ("ten_megabytes_of_dots", |_, _| ".".repeat(10_000_000), BAD),
        (
            "nested_a_thousand_deep",
            |f, _| {
                let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
                f.key.sign_with(
                    &f.key.header(),
                    &f.honest
                        .to_string()
                        .replacen('{', &format!("{{\"x\":{deep},"), 1),
                )
            },
            BAD,
        ),
    ]
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Shared::new(fixture);
    let mut trials: Vec<Trial> = forgeries()
        .into_iter()
        .map(|(name, forgery, states)| {
            let shared = Arc::clone(&shared);
            trial(&fixture.cluster, format!("token::{name}"), move || {
                let database = shared.database();
                let forger = Forger::new(database);
                let mut app = database.app();
                let forged = forgery(&forger, database);
                // Twice: what is remembered of a token must not make it better.
                for _ in 0..2 {
                    let state = try_enter(&mut app, &forged);
                    assert!(
                        state
                            .as_deref()
                            .is_some_and(|state| states.contains(&state)),
                        "{state:?}"
                    );
                    assert_nobody(&mut app);
                }
                // The twin: the same payload, honest.
                assert_eq!(
                    try_enter(&mut app, &forger.key.sign(&forger.honest)),
                    None,
                    "the honest token"
                );
                assert!(
                    try_enter(&mut app, &forged).is_some(),
                    "after an honest one"
                );
            })
        })
        .collect();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("token::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add(
        "of_a_user_that_signed_out_is_refused_on_every_connection",
        signed_out,
    );
    add("of_a_deleted_session_is_refused", deleted_session);
    add(
        "of_a_session_that_ended_after_an_old_snapshot_is_refused",
        old_snapshot,
    );
    add("of_a_session_past_its_end_is_refused", session_past_its_end);
    add("of_a_deleted_user_is_refused", deleted_user);
    add("signed_with_a_rotated_key_still_verifies", rotated);
    add(
        "signed_with_a_key_past_its_end_is_refused",
        key_past_its_end,
    );
    add("that_expires_while_cached_is_refused", expires_while_cached);
    add(
        "of_the_shared_secret_needs_the_secret_configured",
        shared_secret,
    );
    add(
        "of_the_previous_shared_secret_is_good_until_it_is_emptied",
        previous_secret,
    );
    add("with_nul_bytes_cannot_be_sent_and_breaks_nothing", nul);
    add(
        "of_another_database_of_the_cluster_is_refused",
        other_database,
    );
    add(
        "with_a_custom_application_role_runs_as_authenticated",
        custom_role,
    );
    add("of_an_api_key_runs_as_its_role", api_keys);
    trials
}

fn good(app: &mut Client, token: &str) {
    assert_eq!(try_enter(app, token), None);
}

fn bad(app: &mut Client, token: &str, state: &str) {
    assert_eq!(try_enter(app, token).as_deref(), Some(state));
}

fn signed_out(database: &Database) {
    let (ann, bob) = (&database.fixture.ann.token, &database.fixture.bob.token);
    let (mut one, mut two) = (database.app(), database.app());
    good(&mut one, ann);
    good(&mut two, ann);
    let reply = value(
        &mut one,
        &format!("begin; select auth.enter('{ann}'); select auth.sign_out()"),
    )
    .expect("signed out");
    assert!(reply.expect("a reply").contains("message"));
    good(&mut two, ann);
    one.batch_execute("commit").expect("committed");
    bad(&mut one, ann, "FX003");
    bad(&mut two, ann, "FX003");
    good(&mut two, bob);
    let mut third = database.app();
    bad(&mut third, ann, "FX003");
}

fn deleted_session(database: &Database) {
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            &database
                .fixture
                .fill("delete from auth.sessions where user_id = '{ANN_ID}'"),
        )
        .expect("deleted");
    bad(&mut app, &database.fixture.ann.token, "FX003");
    good(&mut app, &database.fixture.bob.token);
}

/// A transaction that looks at the past must not bring back a session that has ended since.
fn old_snapshot(database: &Database) {
    let token = &database.fixture.ann.token;
    let mut old = database.app();
    old.batch_execute(
        "begin isolation level repeatable read; select count(*) from pg_catalog.pg_class",
    )
    .expect("a snapshot");
    let mut other = database.app();
    other
        .batch_execute(&format!(
            "begin; select auth.enter('{token}'); select auth.sign_out(); commit"
        ))
        .expect("signed out");
    let outcome = old.execute("select auth.enter($1)", &[token]);
    assert_eq!(sqlstate(&outcome).as_deref(), Some("FX003"));
    old.batch_execute("rollback").expect("ends");
    old.batch_execute(
        "begin isolation level repeatable read; select count(*) from pg_catalog.pg_class",
    )
    .expect("a snapshot");
    old.execute("select auth.enter($1)", &[&database.fixture.bob.token])
        .expect("the twin enters");
}

fn session_past_its_end(database: &Database) {
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    let mut superuser = database.superuser();
    superuser
        .batch_execute(&database.fixture.fill("update auth.sessions set expires_at = now() - interval '1 s' where user_id = '{ANN_ID}'"))
        .expect("ended");
    bad(&mut app, &database.fixture.ann.token, "FX003");
    good(&mut app, &database.fixture.bob.token);
}

fn deleted_user(database: &Database) {
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    database
        .superuser()
        .batch_execute(
            &database
                .fixture
                .fill("delete from auth.users where id = '{ANN_ID}'"),
        )
        .expect("deleted");
    bad(&mut app, &database.fixture.ann.token, "FX003");
    good(&mut app, &database.fixture.bob.token);
}

fn rotated(database: &Database) {
    let mut superuser = database.superuser();
    let mut app = database.app();
    let old = database.fixture.ann.token.clone();
    good(&mut app, &old);
    let kid = value(&mut superuser, "select auth.rotate_signing_key()")
        .expect("rotated")
        .expect("a kid");
    good(&mut app, &old);
    good(&mut database.app(), &old);
    let fresh = fluxbase_tests::fixture::sign_up(&mut app, "carl@example.com");
    assert_eq!(forge::header_of(&fresh.token)["kid"], json!(kid));
    good(&mut app, &fresh.token);
    let keys = value(
        &mut superuser,
        "select jsonb_array_length(auth.jwks()->'keys')",
    )
    .expect("asked");
    assert_eq!(keys.as_deref(), Some("2"));
}

fn key_past_its_end(database: &Database) {
    let mut superuser = database.superuser();
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    superuser
        .batch_execute(
            "select auth.rotate_signing_key(); \
             update auth.signing_keys set verify_until = now() - interval '1 s' where retired_at is not null",
        )
        .expect("ended");
    bad(&mut app, &database.fixture.ann.token, "FX001");
    let fresh = fluxbase_tests::fixture::sign_up(&mut app, "carl@example.com");
    good(&mut app, &fresh.token);
}

fn expires_while_cached(database: &Database) {
    let forger = Forger::new(database);
    let mut app = database.app();
    let short = forger.changed("exp", json!(forge::now() + 2));
    good(&mut app, &short);
    std::thread::sleep(std::time::Duration::from_millis(3100));
    bad(&mut app, &short, "FX002");
    good(&mut app, &database.fixture.ann.token);
}

fn shared_payload(database: &Database, role: &str) -> Value {
    json!({"sub": database.fixture.bob.id, "role": role, "exp": forge::now() + 600})
}

fn shared_secret(database: &Database) {
    let token = forge::hs256(&shared_payload(database, "authenticated"), SECRET);
    let mut app = database.app();
    bad(&mut app, &token, "FX001");
    let mut superuser = database.superuser();
    superuser
        .execute(
            "select auth.configure('jwt_secret', $1)",
            &[&std::str::from_utf8(SECRET).expect("text")],
        )
        .expect("configured");
    good(&mut app, &token);
    let id = value(
        &mut app,
        &format!("begin; select auth.enter('{token}'); select auth.uid()"),
    )
    .expect("entered");
    assert_eq!(id.as_deref(), Some(database.fixture.bob.id.as_str()));
    app.batch_execute("rollback").expect("ends");
    let mut late = shared_payload(database, "authenticated");
    late["exp"] = json!(forge::now() - 1);
    bad(&mut app, &forge::hs256(&late, SECRET), "FX002");
    let mut foreign = shared_payload(database, "authenticated");
    foreign["iss"] = json!("somebody");
    bad(&mut app, &forge::hs256(&foreign, SECRET), "FX004");
    let es256_named = forge::hs256_with(
        &json!({"alg": "ES256"}),
        &shared_payload(database, "authenticated").to_string(),
        SECRET,
    );
    bad(&mut app, &es256_named, "FX001");
    superuser
        .batch_execute("select auth.configure('jwt_secret', '')")
        .expect("emptied");
    bad(&mut app, &token, "FX001");
}

fn previous_secret(database: &Database) {
    let token = forge::hs256(&shared_payload(database, "authenticated"), SECRET);
    let mut superuser = database.superuser();
    let secret = std::str::from_utf8(SECRET).expect("text");
    superuser
        .execute(
            "select auth.configure('jwt_secret', $1)",
            &[&"another secret of more than thirty-two characters"],
        )
        .expect("set");
    superuser
        .execute(
            "select auth.configure('jwt_secret_previous', $1)",
            &[&secret],
        )
        .expect("set");
    let mut app = database.app();
    good(&mut app, &token);
    superuser
        .batch_execute("select auth.configure('jwt_secret_previous', '')")
        .expect("emptied");
    bad(&mut app, &token, "FX001");
}

fn nul(database: &Database) {
    let mut app = database.app();
    // The protocol carries the byte inside a bound parameter; PostgreSQL refuses it as text.
    let outcome = app.execute("select auth.enter($1)", &[&"eyJ\0"]);
    assert_eq!(sqlstate(&outcome).as_deref(), Some("22021"));
    assert_nobody(&mut app);
    good(&mut app, &database.fixture.ann.token);
}

fn other_database(database: &Database) {
    let other = database.fixture.empty_database();
    other
        .superuser()
        .batch_execute("create extension fluxbase")
        .expect("installed");
    let stranger = fluxbase_tests::fixture::sign_up(&mut other.app(), "ann@example.com");
    bad(&mut database.app(), &stranger.token, "FX001");
    good(&mut other.app(), &stranger.token);
    bad(&mut other.app(), &database.fixture.ann.token, "FX001");
}

fn custom_role(database: &Database) {
    let forger = Forger::new(database);
    let mut app = database.app();
    for (role, expected) in [
        ("editor", "authenticated editor f"),
        ("admin", "authenticated admin t"),
        ("postgres", "authenticated postgres f"),
        ("fluxbase_admin", "authenticated fluxbase_admin f"),
        ("dashboard_admin", "service_role dashboard_admin f"),
    ] {
        let token = forger.changed("role", json!(role));
        app.batch_execute("begin").expect("begins");
        app.execute("select auth.enter($1)", &[&token])
            .expect("enters");
        let who = value(
            &mut app,
            "select current_user || ' ' || auth.role() || ' ' || left(auth.is_admin()::text, 1)",
        )
        .expect("asked");
        assert_eq!(who.as_deref(), Some(expected));
        app.batch_execute("rollback").expect("ends");
    }
}

fn api_keys(database: &Database) {
    let mut app = database.app();
    for (token, expected) in [
        (&database.fixture.anon_key, "anon anon "),
        (&database.fixture.service_key, "service_role service_role "),
    ] {
        app.batch_execute("begin").expect("begins");
        app.execute("select auth.enter($1)", &[token])
            .expect("enters");
        let who = value(
            &mut app,
            "select current_user || ' ' || auth.role() || ' ' || coalesce(auth.uid()::text, '')",
        )
        .expect("asked");
        assert_eq!(who.as_deref(), Some(expected));
        assert_eq!(
            sqlstate(&app.batch_execute("reset role")).as_deref(),
            Some("42501")
        );
        app.batch_execute("rollback").expect("ends");
    }
    assert_nobody(&mut app);
}
