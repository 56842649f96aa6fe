//! The key that signs, and the tokens it makes.

use super::{Algorithm, KeyError, Keyring, MIN_SECRET_BYTES};
use crate::crypto::{self, Signer};
use crate::token::MAX_BYTES;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use std::fmt;
use zeroize::Zeroizing;

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
    signer: Signer,
    pub(super) x: [u8; 32],
    pub(super) y: [u8; 32],
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
        let signer = Signer::new(
            &Algorithm::Es256.primitive(),
            &EncodingKey::from_ec_der(pkcs8),
        )
        .ok_or(KeyError::Malformed)?;
        Ok(Self {
            signer,
            kid: thumbprint(&[
                ("crv", "P-256"),
                ("kty", "EC"),
                ("x", &URL_SAFE_NO_PAD.encode(x)),
                ("y", &URL_SAFE_NO_PAD.encode(y)),
            ])
            .ok_or(KeyError::Failed)?,
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
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
        sign(&self.signer, &header, payload_json)
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
    let signer = Signer::new(
        &Algorithm::Hs256.primitive(),
        &EncodingKey::from_secret(secret),
    )
    .ok_or(KeyError::Failed)?;
    sign(&signer, r#"{"alg":"HS256","typ":"JWT"}"#, payload_json)
}

fn sign(signer: &Signer, header: &str, payload: &str) -> Result<String, KeyError> {
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let signature = signer.sign(token.as_bytes()).ok_or(KeyError::Failed)?;
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
pub(super) fn thumbprint(members: &[(&str, &str)]) -> Option<String> {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!(r#""{name}":"{value}""#))
        .collect();
    crypto::sha256(format!("{{{}}}", members.join(",")).as_bytes())
        .map(|digest| URL_SAFE_NO_PAD.encode(digest))
}
