//! A published key set (RFC 7517 section 5) into verifying keys.

use super::{KeyError, Keyring};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<Key<'a>>,
}

/// serde refuses a member that comes twice.
#[derive(Deserialize)]
struct Key<'a> {
    kty: &'a str,
    crv: Option<&'a str>,
    x: Option<&'a str>,
    y: Option<&'a str>,
    kid: Option<&'a str>,
    #[serde(rename = "use")]
    purpose: Option<&'a str>,
    alg: Option<&'a str>,
    #[serde(default)]
    d: Option<serde::de::IgnoredAny>,
}

impl Keyring {
    /// The ES256 keys of a key set.
    ///
    /// # Errors
    /// As [`Self::add_jwks`].
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        let mut keys = Self::new();
        keys.add_jwks(json)?;
        Ok(keys)
    }

    /// Adds the ES256 keys of a key set and says how many it named. Keys of other kinds, curves or
    /// purposes are passed over, as RFC 7517 section 5 asks; an ES256 key that is malformed is an
    /// error, and nothing is added then.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn add_jwks(&mut self, json: &str) -> Result<usize, KeyError> {
        let set: Set<'_> = serde_json::from_str(json).map_err(|_| KeyError::SetMalformed)?;
        let mut keys = self.clone();
        let mut count = 0;
        for key in set.keys {
            if key.d.is_some() {
                return Err(KeyError::PrivateKey);
            }
            let ours = key.kty == "EC"
                && key.crv == Some("P-256")
                && key.purpose.is_none_or(|purpose| purpose == "sig")
                && key.alg.is_none_or(|algorithm| algorithm == "ES256");
            if ours {
                keys.push_es256(
                    key.kid.ok_or(KeyError::KidMissing)?,
                    &coordinate(key.x)?,
                    &coordinate(key.y)?,
                )?;
                count += 1;
            }
        }
        *self = keys;
        Ok(count)
    }
}

/// RFC 7518 section 6.2.1.2: the full 32 bytes, leading zeros kept.
fn coordinate(text: Option<&str>) -> Result<[u8; 32], KeyError> {
    URL_SAFE_NO_PAD
        .decode(text.ok_or(KeyError::Malformed)?)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(KeyError::Malformed)
}
