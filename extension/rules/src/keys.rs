//! Keys: those that verify, and the one that signs.
//!
//! The kind of a key fixes its algorithm. A token's header is only ever compared with it, so an
//! ES256 public key can never serve as an HMAC secret (RFC 8725 section 2.1).

mod jwks;
mod signing;

pub use signing::{SigningKey, sign_hs256};

use crate::{Refusal, crypto};
use jsonwebtoken::DecodingKey;
use std::fmt;
use thiserror::Error;

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

#[cfg(test)]
mod tests;
