//! A bearer token, from text to claims (RFC 7515, RFC 7519, and the advice of RFC 8725).
//!
//! Three types for three degrees of trust. [`UnverifiedToken`] shows only what is needed to find a
//! key. [`SignedClaims`] exists only where a signature held; it may be cached, and shows nothing
//! until it is judged against the time and the expected issuer and audience. Only then come
//! [`Claims`]. Time is judged at every use: a cache that answers for an expired token is the flaw
//! this order of types is made against.

use crate::{
    Claims, Refusal, UnixSeconds, crypto,
    error::Part,
    json::{self, Value},
    keys::{Algorithm, Keyring},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::Arc;

/// Longest token that is looked at. Browsers and proxies cut headers at about this size.
pub const MAX_BYTES: usize = 8 * 1024;

/// Longest `kid` that is looked at.
pub(crate) const MAX_KID_BYTES: usize = 128;

/// The SHA-256 of a token, for a cache that must not keep the token itself. `None` only when the
/// cryptographic library fails; then do not cache.
#[must_use]
pub fn fingerprint(token: &str) -> Option<[u8; 32]> {
    crypto::sha256(token.as_bytes())
}

/// A text that has the outer form of a token. Nothing in it is to be believed.
#[derive(Debug)]
pub struct UnverifiedToken<'a> {
    signed_part: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: Option<String>,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads the header and takes the three parts apart (RFC 7515 section 5.2, steps 1 to 5).
    ///
    /// # Errors
    /// Any [`Refusal`] of the form `INVALID_TOKEN`.
    pub fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > MAX_BYTES {
            return Err(Refusal::TooLong);
        }
        let (signed_part, signature) = text.rsplit_once('.').ok_or(Refusal::NotThreeParts)?;
        let (header, payload) = signed_part.split_once('.').ok_or(Refusal::NotThreeParts)?;
        if payload.contains('.') || header.is_empty() || payload.is_empty() {
            return Err(Refusal::NotThreeParts);
        }
        let Header { algorithm, kid } = Header::read(&decode(Part::Header, header)?)?;
        let signature = decode(Part::Signature, signature)?;
        if signature.len() != algorithm.signature_bytes() {
            return Err(Refusal::SignatureLength);
        }
        Ok(Self {
            signed_part,
            payload,
            signature,
            algorithm,
            kid,
        })
    }

    /// The id of the key the token claims to be signed with: for choosing a key, nothing else.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithm the token claims; a key of another algorithm is never tried.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Verifies the signature, then reads the payload: not one byte of it is parsed before.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`], [`Refusal::BadSignature`], or a malformed payload.
    pub fn verify(self, keys: &Keyring) -> Result<SignedClaims, Refusal> {
        keys.verify(
            self.algorithm,
            self.kid(),
            self.signed_part.as_bytes(),
            &self.signature,
        )?;
        let claims = Claims::from_signed_json(&decode(Part::Payload, self.payload)?)?;
        if self.algorithm == Algorithm::Es256 {
            // Our own keys sign nothing without these; only a shared secret may be used by others.
            let missing = [
                ("iss", claims.issuer.is_none()),
                ("aud", claims.audience.is_none()),
                ("token_type", claims.token_type.is_none()),
            ];
            if let Some((claim, _)) = missing.into_iter().find(|(_, missing)| *missing) {
                return Err(Refusal::ClaimMissing(claim));
            }
        }
        Ok(SignedClaims(Arc::new(claims)))
    }
}

/// What the holder of the database expects of every token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The `iss` of our tokens.
    pub issuer: String,
    /// What `aud` must contain.
    pub audience: String,
    /// How far the clocks of issuer and judge may differ, in seconds.
    pub leeway_seconds: i64,
}

/// Claims under a signature that held. Cloning copies a pointer.
#[derive(Clone, Debug)]
pub struct SignedClaims(Arc<Claims>);

impl SignedClaims {
    /// Judges issuer, audience, kind and time, and gives the claims if all is well. Nothing is
    /// allocated and nothing parsed: cheap enough for every request on a cached token.
    ///
    /// # Errors
    /// [`Refusal::WrongIssuer`], [`Refusal::WrongAudience`], [`Refusal::WrongTokenType`],
    /// [`Refusal::Expired`], [`Refusal::NotYetValid`].
    pub fn judge(&self, now: UnixSeconds, expected: &Expected) -> Result<&Claims, Refusal> {
        // A foreign issuer that shares the secret need not name the kind.
        let kind = self.0.token_type.as_deref().unwrap_or("access");
        self.judge_kind(kind == "access", now, expected)
    }

    /// Judges a refresh token: one that says so itself. It never authenticates a request, and an access
    /// token never refreshes a session.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn judge_refresh(&self, now: UnixSeconds, expected: &Expected) -> Result<&Claims, Refusal> {
        let kind = self.0.token_type.as_deref();
        self.judge_kind(kind == Some("refresh"), now, expected)
    }

    fn judge_kind(
        &self,
        right_kind: bool,
        now: UnixSeconds,
        expected: &Expected,
    ) -> Result<&Claims, Refusal> {
        let claims = &*self.0;
        if claims
            .issuer
            .as_ref()
            .is_some_and(|issuer| *issuer != expected.issuer)
        {
            return Err(Refusal::WrongIssuer);
        }
        if claims
            .audience
            .as_ref()
            .is_some_and(|audience| !audience.contains(&expected.audience))
        {
            return Err(Refusal::WrongAudience);
        }
        if !right_kind {
            return Err(Refusal::WrongTokenType);
        }
        if now >= claims.expires_at.saturating_add(expected.leeway_seconds) {
            return Err(Refusal::Expired);
        }
        if claims
            .not_before
            .is_some_and(|from| from > now.saturating_add(expected.leeway_seconds))
        {
            return Err(Refusal::NotYetValid);
        }
        Ok(claims)
    }

    /// `exp`, for a cache that wants to know when an entry is dead. Not a judgement.
    #[must_use]
    pub fn expires_at(&self) -> UnixSeconds {
        self.0.expires_at
    }
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Refusal::NotBase64Url(part))
}

struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut algorithm = Err(Refusal::AlgorithmMissing);
        let mut kid = None;
        let mut refusal = None;
        json::walk(bytes, |name, value| {
            if let Err(reason) = Self::take(name, value, &mut algorithm, &mut kid) {
                refusal.get_or_insert(reason);
            }
        })
        .map_err(|fault| Refusal::Json(Part::Header, fault))?;
        match refusal {
            Some(reason) => Err(reason),
            None => Ok(Self {
                algorithm: algorithm?,
                kid,
            }),
        }
    }

    /// Members that are not named here are ignored, as RFC 7515 section 4 asks.
    fn take(
        name: &str,
        value: Value<'_>,
        algorithm: &mut Result<Algorithm, Refusal>,
        kid: &mut Option<String>,
    ) -> Result<(), Refusal> {
        match (name, value) {
            ("alg", Value::Text(name)) => {
                *algorithm = Algorithm::from_name(&name).ok_or(Refusal::AlgorithmNotAccepted);
            }
            ("alg", _) => *algorithm = Err(Refusal::AlgorithmMissing),
            ("kid", Value::Text(id)) if (1..=MAX_KID_BYTES).contains(&id.len()) => {
                *kid = Some(id.into_owned())
            }
            ("kid", _) => return Err(Refusal::HeaderMalformed("kid")),
            // RFC 7519 section 5.1 and RFC 9068 section 2.1; media types know no case.
            ("typ", Value::Text(kind)) => {
                if !["JWT", "at+jwt", "application/at+jwt"]
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(&kind))
                {
                    return Err(Refusal::TypeNotAccepted);
                }
            }
            ("typ", _) => return Err(Refusal::HeaderMalformed("typ")),
            _ => {
                // Keys and addresses of keys chosen by the token (RFC 8725 section 3.10), and members
                // that change how the payload is read (RFC 7515 section 4.1.11, RFC 7797, RFC 7516).
                const REFUSED: [&str; 10] = [
                    "crit", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "zip", "b64", "enc",
                ];
                if let Some(known) = REFUSED.into_iter().find(|known| *known == name) {
                    return Err(Refusal::HeaderNotAccepted(known));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
