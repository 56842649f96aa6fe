//! Keys: their bounds, their stored form, their published form.

use super::signing::thumbprint;
use super::*;
use crate::token::MAX_BYTES;
use crate::{Expected, UnverifiedToken};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

const PAYLOAD: &str = r#"{"iss":"i","aud":"a","token_type":"access","role":"anon","exp":2000}"#;

fn key(seed: u8) -> SigningKey {
    SigningKey::es256_from_random(&[seed; 32]).unwrap()
}

fn verifies(token: &str, keys: &Keyring) -> Result<(), Refusal> {
    let expected = Expected {
        issuer: "i".into(),
        audience: "a".into(),
        leeway_seconds: 0,
    };
    UnverifiedToken::parse(token)?
        .verify(keys)?
        .judge(1000, &expected)
        .map(|_| ())
}

fn set(keys: &[serde_json::Value]) -> String {
    serde_json::json!({ "keys": keys }).to_string()
}

/// RFC 7638 section 3.1.
#[test]
fn rfc_7638_thumbprint() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let members = [("e", "AQAB"), ("kty", "RSA"), ("n", n)];
    assert_eq!(
        thumbprint(&members).unwrap(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
}

/// Against another implementation, which sees only the published form.
#[test]
fn the_kid_is_the_thumbprint_of_the_published_key() {
    let key = key(3);
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.public_jwk()).unwrap();
    assert_eq!(
        jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256)
            .unwrap(),
        key.kid()
    );
    assert_eq!(key.public_jwk()["kid"], key.kid());
}

/// RFC 7515 appendix A.3: the private scalar and its public point.
#[test]
fn a_scalar_gives_its_public_point() {
    let scalar = URL_SAFE_NO_PAD
        .decode("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")
        .unwrap();
    let jwk = SigningKey::es256_from_random(&scalar.try_into().unwrap())
        .unwrap()
        .public_jwk();
    assert_eq!(jwk["x"], "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    assert_eq!(jwk["y"], "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    assert_eq!(
        (&jwk["kty"], &jwk["crv"], &jwk["use"], &jwk["alg"]),
        (
            &"EC".into(),
            &"P-256".into(),
            &"sig".into(),
            &"ES256".into()
        )
    );
    assert!(jwk.get("d").is_none(), "the private half is not published");
}

#[test]
fn a_draw_that_is_no_scalar_is_refused() {
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut below = order;
    below[31] -= 1;
    for bad in [[0; 32], order, [0xff; 32]] {
        assert!(SigningKey::es256_from_random(&bad).is_none());
    }
    for good in [below, std::array::from_fn(|index| u8::from(index == 31))] {
        assert!(SigningKey::es256_from_random(&good).is_some());
    }
}

#[test]
fn the_stored_form_gives_the_same_key_back() {
    let key = key(5);
    let again = SigningKey::from_pkcs8(&key.to_pkcs8()).unwrap();
    assert_eq!(again.kid(), key.kid());
    let mut keys = Keyring::new();
    key.publish_to(&mut keys).unwrap();
    assert_eq!(verifies(&again.sign(PAYLOAD).unwrap(), &keys), Ok(()));
    for bad in [&[][..], &[0x30], &key.to_pkcs8()[..66], &[0; 67]] {
        assert_eq!(
            SigningKey::from_pkcs8(bad).unwrap_err(),
            KeyError::Malformed
        );
    }
}

#[test]
fn rotation_keeps_the_old_key_verifying() {
    let (old, new) = (key(1), key(2));
    let mut keys = Keyring::new();
    old.publish_to(&mut keys).unwrap();
    let token = old.sign(PAYLOAD).unwrap();
    assert!(!keys.has_kid(new.kid()));
    new.publish_to(&mut keys).unwrap();
    assert!(keys.has_kid(new.kid()) && keys.has_kid(old.kid()));
    assert_eq!(verifies(&token, &keys), Ok(()));
    assert_eq!(verifies(&new.sign(PAYLOAD).unwrap(), &keys), Ok(()));
    let mut later = Keyring::new();
    new.publish_to(&mut later).unwrap();
    assert_eq!(verifies(&token, &later), Err(Refusal::UnknownKey));
}

#[test]
fn a_short_secret_is_refused() {
    let mut keys = Keyring::new();
    assert_eq!(keys.push_hs256(&[b'x'; 31]), Err(KeyError::SecretTooShort));
    assert_eq!(
        sign_hs256(&[b'x'; 31], PAYLOAD),
        Err(KeyError::SecretTooShort)
    );
    assert!(keys.is_empty());
    keys.push_hs256(&[b'x'; 32]).unwrap();
    assert_eq!(
        verifies(&sign_hs256(&[b'x'; 32], PAYLOAD).unwrap(), &keys),
        Ok(())
    );
}

#[test]
fn a_published_set_verifies_what_its_keys_sign() {
    let mut keys = Keyring::from_jwks(&set(&[key(1).public_jwk(), key(2).public_jwk()])).unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(verifies(&key(2).sign(PAYLOAD).unwrap(), &keys), Ok(()));
    // Reading a fresh set again changes nothing.
    assert_eq!(keys.add_jwks(&set(&[key(1).public_jwk()])), Ok(1));
    assert_eq!(keys.len(), 2);
    assert_eq!(Keyring::from_jwks(r#"{"keys":[]}"#).unwrap().len(), 0);
}

#[test]
fn foreign_keys_in_a_set_are_passed_over() {
    let with = |name: &str, value: &str| {
        let mut jwk = key(1).public_jwk();
        jwk[name] = value.into();
        jwk
    };
    let rsa = serde_json::json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "r"});
    // A symmetric key in a public set is no secret: it must not become one here.
    let oct = serde_json::json!({"kty": "oct", "k": "c2VjcmV0", "kid": "o", "alg": "HS256"});
    for foreign in [
        rsa,
        oct,
        with("kty", "OKP"),
        with("crv", "P-384"),
        with("use", "enc"),
        with("alg", "ES384"),
        with("alg", "HS256"),
    ] {
        let keys = Keyring::from_jwks(&set(&[foreign, key(2).public_jwk()])).unwrap();
        assert_eq!((keys.len(), keys.has_kid(key(2).kid())), (1, true));
    }
}

#[test]
fn a_malformed_set_is_refused_whole() {
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = key(1).public_jwk();
        jwk[name] = value;
        jwk
    };
    let short = URL_SAFE_NO_PAD.encode([1; 31]);
    for (jwk, error) in [
        (with("kid", serde_json::Value::Null), KeyError::KidMissing),
        (with("kid", "".into()), KeyError::KidMissing),
        (with("kid", "k".repeat(129).into()), KeyError::KidMissing),
        (with("x", short.into()), KeyError::Malformed),
        (with("y", "not base64!".into()), KeyError::Malformed),
        (with("y", serde_json::Value::Null), KeyError::Malformed),
        (with("x", 7.into()), KeyError::SetMalformed),
        (with("d", "AAAA".into()), KeyError::PrivateKey),
        (
            with("x", key(9).public_jwk()["x"].clone()),
            KeyError::KidTwice,
        ),
    ] {
        let mut keys = Keyring::new();
        key(1).publish_to(&mut keys).unwrap();
        assert_eq!(keys.add_jwks(&set(&[key(2).public_jwk(), jwk])), Err(error));
        assert_eq!(keys.len(), 1, "nothing of a bad set stays");
    }
    for text in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kty":"EC","kty":"EC"}]}"#,
    ] {
        assert_eq!(
            Keyring::from_jwks(text).unwrap_err(),
            KeyError::SetMalformed,
            "{text}"
        );
    }
}

/// An attacker's point off the curve must not verify anything (and never reaches a computation).
#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let good = key(1);
    let mut keys = Keyring::new();
    let mut y = good.y;
    y[31] ^= 1;
    keys.push_es256(good.kid(), &good.x, &y).unwrap();
    assert_eq!(
        verifies(&good.sign(PAYLOAD).unwrap(), &keys),
        Err(Refusal::BadSignature)
    );
    let mut keys = Keyring::new();
    keys.push_es256(good.kid(), &[0; 32], &[0; 32]).unwrap();
    assert_eq!(
        verifies(&good.sign(PAYLOAD).unwrap(), &keys),
        Err(Refusal::BadSignature)
    );
}

#[test]
fn a_payload_no_reader_would_take_is_not_signed() {
    let long = format!(r#"{{"a":"{}"}}"#, "a".repeat(MAX_BYTES));
    assert_eq!(key(1).sign(&long), Err(KeyError::PayloadTooLong));
    assert!(key(1).sign(&long[..5000]).is_ok());
}

#[test]
fn no_key_is_shown_by_debug() {
    let key = key(0x41);
    let mut keys = Keyring::new();
    keys.push_hs256(b"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB")
        .unwrap();
    key.publish_to(&mut keys).unwrap();
    let shown = format!("{key:?} {keys:?}");
    assert!(
        !shown.contains("BBBB") && !shown.contains("65, 65") && !shown.contains("66, 66"),
        "{shown}"
    );
    assert!(shown.contains(key.kid()));
}
