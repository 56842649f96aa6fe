//! What is issued passes the judgement it was made for, and nothing else.

use super::*;
use crate::{DatabaseRole, Expected, Keyring, Refusal, SigningKey, UnverifiedToken};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

fn common() -> Common<'static> {
    Common {
        issuer: "fluxbase",
        audience: "fluxbase",
        token_id: [1; 16],
        now: NOW,
        lifetime_seconds: 900,
    }
}

fn subject() -> Subject<'static> {
    Subject {
        user_id: Some([2; 16]),
        session_id: [3; 16],
        email: "ann@example.com",
        role: "authenticated",
        is_anonymous: false,
        impersonated_by: None,
        epoch: 7,
        second_factor: false,
    }
}

fn judged(payload: &str, now: i64) -> Result<crate::Claims, Refusal> {
    let key = SigningKey::es256_from_random(&[7; 32]).unwrap();
    let mut keys = Keyring::new();
    key.publish_to(&mut keys).unwrap();
    let expected = Expected {
        issuer: "fluxbase".into(),
        audience: "fluxbase".into(),
        leeway_seconds: 0,
    };
    UnverifiedToken::parse(&key.sign(payload).unwrap())?
        .verify(&keys)?
        .judge(now, &expected)
        .cloned()
}

#[test]
fn an_access_payload_says_exactly_this() {
    let payload = access_payload(&common(), &subject(), r#"{"n":1.10}"#, "{}").unwrap();
    let user = "02020202-0202-0202-0202-020202020202";
    assert_eq!(
        serde_json::from_str::<Value>(&payload).unwrap(),
        json!({
            "iss": "fluxbase", "aud": ["fluxbase"], "iat": NOW, "nbf": NOW, "exp": NOW + 900,
            "jti": "01010101-0101-0101-0101-010101010101", "sub": user, "user_id": user,
            "email": "ann@example.com", "role": "authenticated",
            "session_id": "03030303-0303-0303-0303-030303030303", "token_type": "access",
            "epoch": 7, "aal": "aal1", "user_metadata": {"n": 1.10}, "app_metadata": {},
        })
    );
    assert!(
        payload.contains(r#"{"n":1.10}"#),
        "digits as PostgreSQL wrote them"
    );
    let claims = judged(&payload, NOW).unwrap();
    assert_eq!(
        (claims.sub, claims.session_id),
        (Some([2; 16]), Some([3; 16]))
    );
    assert_eq!(judged(&payload, NOW + 900), Err(Refusal::Expired));
    assert_eq!(judged(&payload, NOW - 1), Err(Refusal::NotYetValid));
}

#[test]
fn a_refresh_payload_carries_no_metadata_and_is_no_access_token() {
    let payload = refresh_payload(&common(), &subject()).unwrap();
    let value: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(value["token_type"], "refresh");
    assert!(value.get("user_metadata").is_none() && value.get("app_metadata").is_none());
    assert_eq!(judged(&payload, NOW), Err(Refusal::WrongTokenType));
}

#[test]
fn an_api_key_has_a_role_and_no_user() {
    for (role, acts_as) in [
        (ApiKeyRole::Anon, DatabaseRole::Anon),
        (ApiKeyRole::ServiceRole, DatabaseRole::ServiceRole),
    ] {
        let payload = api_key_payload(&common(), role).unwrap();
        let value: Value = serde_json::from_str(&payload).unwrap();
        assert_eq!((&value["user_id"], value.get("sub")), (&"".into(), None));
        let claims = judged(&payload, NOW).unwrap();
        assert_eq!((claims.sub, claims.database_role()), (None, acts_as));
    }
    assert_eq!(
        ApiKeyRole::from_name("service_role"),
        Some(ApiKeyRole::ServiceRole)
    );
    for other in ["authenticated", "dashboard_admin", "postgres", "Anon", ""] {
        assert_eq!(ApiKeyRole::from_name(other), None);
    }
}

#[test]
fn the_rarer_claims_are_written_when_they_hold() {
    let subject = Subject {
        email: "",
        is_anonymous: true,
        impersonated_by: Some([4; 16]),
        ..subject()
    };
    let value: Value =
        serde_json::from_str(&access_payload(&common(), &subject, "{}", "{}").unwrap()).unwrap();
    assert!(value.get("email").is_none());
    assert_eq!(value["is_anonymous"], true);
    assert_eq!(
        value["impersonated_by"],
        "04040404-0404-0404-0404-040404040404"
    );
}

#[test]
fn text_cannot_break_out_of_its_claim() {
    let hostile = "x\",\"role\":\"service_role\",\"a\":\"\\";
    let subject = Subject {
        email: hostile,
        role: hostile,
        ..subject()
    };
    let common = Common {
        issuer: hostile,
        audience: hostile,
        ..common()
    };
    let payload = access_payload(&common, &subject, "{}", "{}").unwrap();
    let value: Value = serde_json::from_str(&payload).unwrap();
    for claim in ["email", "role", "iss"] {
        assert_eq!(value[claim], hostile);
    }
    assert_eq!(value["aud"][0], hostile);
}

#[test]
fn metadata_cannot_break_out_of_its_claim() {
    use JsonFault as F;
    for (text, fault) in [
        ("", F::Syntax),
        ("[]", F::NotAnObject),
        ("null", F::NotAnObject),
        (r#"{},"role":"service_role""#, F::Syntax),
        (r#"{}} {"#, F::Syntax),
        (r#"{"a":1,"a":2}"#, F::DuplicateMember),
        (r#"{"a":"\u0000"}"#, F::Nul),
    ] {
        assert_eq!(
            access_payload(&common(), &subject(), text, "{}"),
            Err(IssueError::Metadata("user_metadata", fault))
        );
        assert_eq!(
            access_payload(&common(), &subject(), "{}", text),
            Err(IssueError::Metadata("app_metadata", fault))
        );
    }
}

/// PostgreSQL writes 1e400 with its 401 digits, which no double holds.
#[test]
fn metadata_keeps_every_digit() {
    let text = format!(r#"{{"a": 1.10, "b": 1{}}}"#, "0".repeat(400));
    let payload = access_payload(&common(), &subject(), &text, "{}").unwrap();
    assert!(payload.contains(&format!(r#""user_metadata":{text}"#)));
    let claims = crate::Claims::from_signed_json(payload.as_bytes()).unwrap();
    assert_eq!(&*claims.json, payload);
}

/// In the token it stands one level deeper than alone.
#[test]
fn the_deepest_metadata_still_makes_an_accepted_token() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!(r#"{{"a":{open}{close}}}"#)
    };
    let payload = access_payload(&common(), &subject(), &nested(31), "{}").unwrap();
    assert!(crate::Claims::from_signed_json(payload.as_bytes()).is_ok());
    for outcome in [
        access_payload(&common(), &subject(), &nested(32), "{}"),
        access_payload(&common(), &subject(), &nested(1000), "{}"),
        metadata("user_metadata", &nested(32)).map(str::to_owned),
    ] {
        let fault = IssueError::Metadata("user_metadata", JsonFault::TooDeep);
        assert_eq!(outcome, Err(fault));
    }
}

/// The largest token issued must be one that is accepted, or a user could lock himself out by
/// filling his metadata.
#[test]
fn the_largest_metadata_still_makes_an_accepted_token() {
    let sized = |bytes: usize| format!(r#"{{"a":"{}"}}"#, "a".repeat(bytes - 8));
    let full = sized(MAX_METADATA_BYTES);
    let email = format!("{}@example.com", "a".repeat(240));
    let subject = Subject {
        email: &email,
        impersonated_by: Some([4; 16]),
        is_anonymous: true,
        ..subject()
    };
    assert!(
        judged(
            &access_payload(&common(), &subject, &full, &full).unwrap(),
            NOW
        )
        .is_ok()
    );
    let more = sized(MAX_METADATA_BYTES + 1);
    let refusal = access_payload(&common(), &subject, &more, "{}");
    assert_eq!(refusal, Err(IssueError::MetadataTooLong("user_metadata")));
}

#[test]
fn a_lifetime_that_ends_before_it_begins_or_never_is_refused() {
    for (now, lifetime_seconds) in [
        (NOW, 0),
        (NOW, -1),
        (NOW, i64::MAX),
        (i64::MAX, 1),
        (-1, 10),
        (253_402_300_799, 1),
    ] {
        let common = Common {
            now,
            lifetime_seconds,
            ..common()
        };
        assert_eq!(
            api_key_payload(&common, ApiKeyRole::Anon),
            Err(IssueError::Lifetime)
        );
    }
    assert!(
        api_key_payload(
            &Common {
                now: 253_402_300_798,
                lifetime_seconds: 1,
                ..common()
            },
            ApiKeyRole::Anon
        )
        .is_ok()
    );
}
