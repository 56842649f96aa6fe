//! The forgeries.

use crate::seal::value;
use fluxbase_tests::fixture::Database;
use fluxbase_tests::forge::{self, Es256};
use serde_json::{Value, json};

/// What a forger has: the database's own key (the strongest forger there is), a payload as issued to Ann.
pub struct Forger {
    /// The pair that signs.
    pub key: Es256,
    /// The payload.
    pub honest: Value,
}

impl Forger {
    /// Takes both.
    pub fn new(database: &Database) -> Self {
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

    /// Signed with one member changed.
    pub fn changed(&self, name: &str, value: Value) -> String {
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

/// Makes a token.
pub type Forgery = fn(&Forger, &Database) -> String;

/// Forgery and the SQLSTATEs that refuse it.
pub fn forgeries() -> Vec<(&'static str, Forgery, &'static [&'static str])> {
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
