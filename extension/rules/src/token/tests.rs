//! Attacks on the text of a token: each refused for its own reason, with an allowed twin beside.

use super::*;
use crate::error::JsonFault;
use crate::keys::{SigningKey, sign_hs256};

mod claims_attacks;
mod es256;
mod form;
mod header;
mod properties;
mod time;

const SECRET: &[u8] = b"a test secret of more than 32 bytes, known to the tests alone";
const USER: &str = "5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5a";
const NOW: i64 = 1_800_000_000;

fn expected() -> Expected {
    Expected {
        issuer: "fluxbase".into(),
        audience: "fluxbase".into(),
        leeway_seconds: 0,
    }
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::es256_from_random(&[seed; 32]).unwrap()
}

/// The secret, and the key of seed 7.
fn keyring() -> Keyring {
    let mut keys = Keyring::new();
    keys.push_hs256(SECRET).unwrap();
    signing_key(7).publish_to(&mut keys).unwrap();
    keys
}

/// A payload that an honest token could have, with one claim more.
fn payload_with(extra: &str) -> String {
    format!(
        r#"{{"sub":"{USER}","role":"authenticated","exp":{},"token_type":"access"{extra}}}"#,
        NOW + 900
    )
}

fn payload() -> String {
    payload_with(r#","iss":"fluxbase","aud":["fluxbase"]"#)
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header and payload under a good HMAC: the attacker of these tests knows more
/// than a real one, so that only the rule under test can stop him.
fn hs256(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let signed = format!("{}.{}", b64(header), b64(payload));
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let signature = crypto::Signer::new(&jsonwebtoken::Algorithm::HS256, &key)
        .unwrap()
        .sign(signed.as_bytes())
        .unwrap();
    format!("{signed}.{}", b64(signature))
}

fn with_header(header: &str) -> String {
    hs256(header, payload())
}

fn with_payload(payload: impl AsRef<[u8]>) -> String {
    hs256(r#"{"alg":"HS256","typ":"JWT"}"#, payload)
}

fn verify(token: &str) -> Result<SignedClaims, Refusal> {
    UnverifiedToken::parse(token)?.verify(&keyring())
}

/// The whole way: text, signature, claims, time.
fn enter(token: &str) -> Result<Claims, Refusal> {
    verify(token)?.judge(NOW, &expected()).cloned()
}

#[track_caller]
fn refused(token: &str, reason: Refusal) {
    assert_eq!(enter(token), Err(reason), "{token}");
}

#[track_caller]
fn allowed(token: &str) -> Claims {
    enter(token).unwrap_or_else(|refusal| panic!("{refusal}: {token}"))
}

#[test]
fn an_honest_token_gives_its_claims() {
    let json = payload_with(
        r#","iss":"fluxbase","aud":["fluxbase"],"email":"ann@example.com","session_id":"00000000-0000-4000-8000-000000000001","jti":"j","iat":1,"nbf":2,"user_metadata":{"a":[1,{"b":null}]}"#,
    );
    let claims = allowed(&with_payload(&json));
    assert_eq!(
        claims.sub.map(|id| crate::uuid::format(&id)).as_deref(),
        Some(USER)
    );
    assert_eq!(claims.role, "authenticated");
    assert_eq!(claims.database_role(), crate::DatabaseRole::Authenticated);
    assert_eq!(claims.email.as_deref(), Some("ann@example.com"));
    assert_eq!(
        claims.session_id,
        crate::uuid::parse("00000000-0000-4000-8000-000000000001")
    );
    assert_eq!(claims.jti.as_deref(), Some("j"));
    assert_eq!(
        (claims.expires_at, claims.not_before, claims.issued_at),
        (NOW + 900, Some(2), Some(1))
    );
    assert_eq!(&*claims.json, json, "exactly as signed");
}

#[test]
fn an_unverified_token_shows_only_what_finds_a_key() {
    let key = signing_key(7);
    let text = key.sign(&payload()).unwrap();
    let token = UnverifiedToken::parse(&text).unwrap();
    assert_eq!(token.kid(), Some(key.kid()));
    assert_eq!(token.algorithm(), Algorithm::Es256);
    let text = with_payload(payload());
    let token = UnverifiedToken::parse(&text).unwrap();
    assert_eq!((token.kid(), token.algorithm()), (None, Algorithm::Hs256));
}

#[test]
fn signed_claims_can_be_shared_between_threads() {
    fn assert_shareable<T: Clone + Send + Sync + 'static>() {}
    assert_shareable::<SignedClaims>();
    assert_shareable::<Keyring>();
}

#[test]
fn no_refusal_repeats_the_token() {
    for token in [
        "x.y.z",
        "",
        &with_payload("[]"),
        &with_header(r#"{"alg":"secret-alg"}"#),
    ] {
        let text = enter(token).unwrap_err().to_string();
        assert!(
            !text.contains("secret-alg") && (token.is_empty() || !text.contains(token)),
            "{text}"
        );
    }
}
