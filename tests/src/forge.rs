//! Tokens signed by hand: every part can be wrong in its own way.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use aws_lc_rs::{hmac, rand::SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postgres::Client;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// base64url without padding.
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The payload of a token as it stands.
pub fn payload_of(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// The header of a token as it stands.
pub fn header_of(token: &str) -> Value {
    let part = token.split('.').next().expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "tests stand at the edge: a forged expiry needs the real time"
)]
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

fn signed_part(header: &Value, payload: &str) -> String {
    format!("{}.{}", b64(header.to_string()), b64(payload))
}

/// HS256 with this secret and header.
pub fn hs256_with(header: &Value, payload: &str, secret: &[u8]) -> String {
    let part = signed_part(header, payload);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), part.as_bytes());
    format!("{part}.{}", b64(tag.as_ref()))
}

/// An honest HS256 token.
pub fn hs256(payload: &Value, secret: &[u8]) -> String {
    hs256_with(
        &json!({"alg": "HS256", "typ": "JWT"}),
        &payload.to_string(),
        secret,
    )
}

/// A key pair with the id it is known by.
pub struct Es256 {
    pair: EcdsaKeyPair,
    /// The `kid` that is written into headers.
    pub kid: String,
}

impl Es256 {
    /// The pair a database signs with, taken out of its table by the superuser.
    pub fn stolen_from(superuser: &mut Client) -> Self {
        let row = superuser
            .query_one(
                "select kid, private_key from auth.signing_keys where retired_at is null",
                &[],
            )
            .expect("a signing key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, row.get::<_, &[u8]>(1))
                .expect("PKCS#8");
        Self {
            pair,
            kid: row.get(0),
        }
    }

    /// A pair nobody knows, under a kid of choice.
    pub fn made_up(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key pair");
        Self {
            pair,
            kid: kid.to_owned(),
        }
    }

    /// Signs any header and payload.
    pub fn sign_with(&self, header: &Value, payload: &str) -> String {
        let part = signed_part(header, payload);
        let signature = self
            .pair
            .sign(&SystemRandom::new(), part.as_bytes())
            .expect("a signature");
        format!("{part}.{}", b64(signature.as_ref()))
    }

    /// An honest header.
    pub fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "JWT", "kid": self.kid})
    }

    /// Signs this payload.
    pub fn sign(&self, payload: &Value) -> String {
        self.sign_with(&self.header(), &payload.to_string())
    }
}

/// A token without signature, as RFC 7519 section 6 allows and nobody may accept.
pub fn unsigned(payload: &Value) -> String {
    format!(
        "{}.",
        signed_part(&json!({"alg": "none"}), &payload.to_string())
    )
}
