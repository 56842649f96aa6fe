//! The primitives, and nothing of the JWT layer above them: jsonwebtoken parses leniently, keeps
//! the last of two equal claims and checks claims by its own rules, so only its signatures are used.
//!
//! The provider is named instead of found by crate feature: with two providers compiled in anywhere
//! in the build, finding one panics.

use aws_lc_rs::digest;
use jsonwebtoken::crypto::JwtSigner;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

/// True when `signature` over `message` holds. Constant time for HS256.
pub(crate) fn verify(
    algorithm: Algorithm,
    key: &DecodingKey,
    message: &[u8],
    signature: &Vec<u8>,
) -> bool {
    (DEFAULT_PROVIDER.verifier_factory)(&algorithm, key)
        .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
}

/// A key as the library reads it, which takes as long as a signature with it does.
pub(crate) struct Signer(Box<dyn JwtSigner>);

impl Signer {
    /// `None` when the key is not one of `algorithm`.
    pub(crate) fn new(algorithm: &Algorithm, key: &EncodingKey) -> Option<Self> {
        (DEFAULT_PROVIDER.signer_factory)(algorithm, key)
            .ok()
            .map(Self)
    }

    /// `None` only if the library fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.0.try_sign(message).ok()
    }
}

/// The public point of a P-256 private key in PKCS#8 form; `None` when it is not a valid one
/// (wrong curve, zero, at or beyond the group order).
pub(crate) fn p256_point(pkcs8: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, x, y) = (DEFAULT_PROVIDER
        .key_utils
        .ec_pub_components_from_private_key)(pkcs8, Algorithm::ES256)
    .ok()?;
    Some((x, y))
}

/// SHA-256; `None` only if the library fails.
pub(crate) fn sha256(data: &[u8]) -> Option<[u8; 32]> {
    (DEFAULT_PROVIDER.key_utils.compute_digest)(data, ThumbprintHash::SHA256)
        .ok()?
        .try_into()
        .ok()
}

/// SHA-1, for what was keyed by it elsewhere. Nothing here rests on it.
pub(crate) fn sha1(data: &[u8]) -> [u8; 20] {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data);
    let mut bytes = [0; 20];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

#[cfg(test)]
mod tests;
