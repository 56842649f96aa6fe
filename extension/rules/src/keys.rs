//! Keys: those that verify, and the one that signs.
//!
//! The kind of a key fixes its algorithm. A token's header is only ever compared with it, so an
//! ES256 public key can never serve as an HMAC secret (RFC 8725 section 2.1).

mod jwks;

use crate::{Refusal, crypto, token::MAX_BYTES};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// The algorithms tokens may be signed with (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256: one secret signs and verifies.
    Hs256,
    /// ECDSA on P-256 with SHA-256: a private key signs, a public one verifies.
    Es256,
}

impl Algorithm {
    /// The name in a token header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Es256 => "ES256",
        }
    }

    /// Exact: `hs256` and `NONE` are no algorithms.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Hs256, Self::Es256]
            .into_iter()
            .find(|known| known.name() == name)
    }

    pub(crate) const fn signature_bytes(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Es256 => 64,
        }
    }

    const fn primitive(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

/// Why a key was not taken. Contains nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// An HMAC secret below 256 bits (RFC 7518 section 3.2).
    #[error("secret is shorter than {MIN_SECRET_BYTES} bytes")]
    SecretTooShort,
    /// Not a key of the expected form.
    #[error("key is malformed")]
    Malformed,
    /// Not a JSON Web Key Set (RFC 7517 section 5).
    #[error("key set is malformed")]
    SetMalformed,
    /// An ES256 key without `kid`, or with one that is too long.
    #[error("key has no usable kid")]
    KidMissing,
    /// Two different keys of one `kid`: which one verifies must not depend on their order.
    #[error("two keys have the same kid")]
    KidTwice,
    /// A published set holds a private key: it must be considered lost.
    #[error("key set contains a private key")]
    PrivateKey,
    /// The payload to sign is so long that no reader would take the token.
    #[error("payload is too long for a token")]
    PayloadTooLong,
    /// The cryptographic library failed.
    #[error("signing failed")]
    Failed,
}

/// The least length of an HMAC secret (RFC 7518 section 3.2: as long as the hash).
pub const MIN_SECRET_BYTES: usize = 32;

/// The keys that verify tokens.
#[derive(Clone, Default)]
pub struct Keyring(Vec<VerifyingKey>);

#[derive(Clone)]
struct VerifyingKey {
    /// HMAC secrets have none.
    kid: Option<String>,
    algorithm: Algorithm,
    material: DecodingKey,
}

impl Keyring {
    /// No key: every token is refused.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds an HS256 secret, the current one or the previous.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`].
    pub fn push_hs256(&mut self, secret: &[u8]) -> Result<(), KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::SecretTooShort);
        }
        self.0.push(VerifyingKey {
            kid: None,
            algorithm: Algorithm::Hs256,
            material: DecodingKey::from_secret(secret),
        });
        Ok(())
    }

    /// Adds the public half of an ES256 key as its coordinates, 32 bytes each, big-endian.
    /// The same key twice is one key.
    ///
    /// A point that is not on the curve is taken and verifies nothing: the library checks the point
    /// at each verification.
    ///
    /// # Errors
    /// [`KeyError::KidMissing`], [`KeyError::KidTwice`].
    pub fn push_es256(&mut self, kid: &str, x: &[u8; 32], y: &[u8; 32]) -> Result<(), KeyError> {
        if !(1..=crate::token::MAX_KID_BYTES).contains(&kid.len()) {
            return Err(KeyError::KidMissing);
        }
        let point = [[4].as_slice(), x, y].concat();
        if let Some(known) = self
            .0
            .iter()
            .find(|known| known.kid.as_deref() == Some(kid))
        {
            let same = known
                .material
                .try_get_as_bytes()
                .is_ok_and(|bytes| bytes == point);
            return if same {
                Ok(())
            } else {
                Err(KeyError::KidTwice)
            };
        }
        self.0.push(VerifyingKey {
            kid: Some(kid.to_owned()),
            algorithm: Algorithm::Es256,
            material: DecodingKey::from_ec_der(&point),
        });
        Ok(())
    }

    /// True when no key is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when a key of this id is held: if not, a fresh key set may have it.
    #[must_use]
    pub fn has_kid(&self, kid: &str) -> bool {
        self.0.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// Tries the keys of `algorithm` that have this id, and the secrets, which have none. An
    /// asymmetric token must name its key.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> Result<(), Refusal> {
        let mut refusal = Refusal::UnknownKey;
        for key in &self.0 {
            if key.algorithm != algorithm || (key.kid.is_some() && key.kid.as_deref() != kid) {
                continue;
            }
            if crypto::verify(algorithm.primitive(), &key.material, message, signature) {
                return Ok(());
            }
            refusal = Refusal::BadSignature;
        }
        Err(refusal)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| (key.algorithm, key.kid.as_deref())))
            .finish()
    }
}

/// PKCS#8 (RFC 5958) around an RFC 5915 key on P-256 without the optional public half: everything
/// up to the 32 bytes of the scalar.
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01,
    0x01, 0x04, 0x20,
];

/// The private key that signs tokens with ES256.
pub struct SigningKey {
    pkcs8: Zeroizing<Vec<u8>>,
    material: EncodingKey,
    x: [u8; 32],
    y: [u8; 32],
    kid: String,
}

impl SigningKey {
    /// Makes the key whose scalar is these random bytes. `None` for the about one in 2^32 draws
    /// that is no scalar of P-256 (zero, or at or beyond the group order): draw again. Reducing
    /// such a draw instead would make small scalars likelier than others.
    #[must_use]
    pub fn es256_from_random(random: &[u8; 32]) -> Option<Self> {
        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + random.len()));
        pkcs8.extend_from_slice(&PKCS8_PREFIX);
        pkcs8.extend_from_slice(random);
        Self::from_pkcs8(&pkcs8).ok()
    }

    /// Reads the stored form, or any PKCS#8 of a P-256 key.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let (x, y) = crypto::p256_point(pkcs8).ok_or(KeyError::Malformed)?;
        let x: [u8; 32] = x.try_into().map_err(|_| KeyError::Malformed)?;
        let y: [u8; 32] = y.try_into().map_err(|_| KeyError::Malformed)?;
        Ok(Self {
            kid: thumbprint(&[
                ("crv", "P-256"),
                ("kty", "EC"),
                ("x", &URL_SAFE_NO_PAD.encode(x)),
                ("y", &URL_SAFE_NO_PAD.encode(y)),
            ])
            .ok_or(KeyError::Failed)?,
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            material: EncodingKey::from_ec_der(pkcs8),
            x,
            y,
        })
    }

    /// The form to store; wiped when dropped.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The id of the key: its RFC 7638 thumbprint, so that one key has one id everywhere.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JSON Web Key (RFC 7517), for the published key set.
    #[must_use]
    pub fn public_jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "EC",
            "crv": "P-256",
            "x": URL_SAFE_NO_PAD.encode(self.x),
            "y": URL_SAFE_NO_PAD.encode(self.y),
            "kid": self.kid,
            "use": "sig",
            "alg": Algorithm::Es256.name(),
        })
    }

    /// Adds the public half to `keys`.
    ///
    /// # Errors
    /// [`KeyError::KidTwice`].
    pub fn publish_to(&self, keys: &mut Keyring) -> Result<(), KeyError> {
        keys.push_es256(&self.kid, &self.x, &self.y)
    }

    /// Signs a payload, giving the whole token (RFC 7515 section 7.1).
    ///
    /// # Errors
    /// [`KeyError::PayloadTooLong`] when the token would exceed [`MAX_BYTES`], [`KeyError::Failed`].
    pub fn sign(&self, payload_json: &str) -> Result<String, KeyError> {
        // The kid is base64url: nothing in it needs escaping.
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"JWT"}}"#, self.kid);
        sign(Algorithm::Es256, &self.material, &header, payload_json)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// Signs a payload with a shared secret, for installations that still have one.
///
/// # Errors
/// [`KeyError::SecretTooShort`], [`KeyError::PayloadTooLong`], [`KeyError::Failed`].
pub fn sign_hs256(secret: &[u8], payload_json: &str) -> Result<String, KeyError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(KeyError::SecretTooShort);
    }
    sign(
        Algorithm::Hs256,
        &EncodingKey::from_secret(secret),
        r#"{"alg":"HS256","typ":"JWT"}"#,
        payload_json,
    )
}

fn sign(
    algorithm: Algorithm,
    key: &EncodingKey,
    header: &str,
    payload: &str,
) -> Result<String, KeyError> {
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature =
        crypto::sign(algorithm.primitive(), key, token.as_bytes()).ok_or(KeyError::Failed)?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    if token.len() > MAX_BYTES {
        Err(KeyError::PayloadTooLong)
    } else {
        Ok(token)
    }
}

/// RFC 7638 section 3: the required members only, in lexical order, without white space. The values
/// are base64url or fixed names, so that nothing in them needs escaping.
fn thumbprint(members: &[(&str, &str)]) -> Option<String> {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!(r#""{name}":"{value}""#))
        .collect();
    crypto::sha256(format!("{{{}}}", members.join(",")).as_bytes())
        .map(|digest| URL_SAFE_NO_PAD.encode(digest))
}

#[cfg(test)]
mod tests;
