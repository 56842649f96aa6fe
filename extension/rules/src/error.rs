//! Why a token was refused: many reasons for the log, few codes for the caller, one match between.

use thiserror::Error;

/// The SQLSTATEs of class `FX`, the class this extension reports its own errors under.
pub mod sqlstate {
    /// Token malformed, or its signature bad. HTTP 401 `INVALID_TOKEN`.
    pub const INVALID_TOKEN: [u8; 5] = *b"FX001";
    /// Token expired or not yet valid. HTTP 401 `EXPIRED_TOKEN`.
    pub const EXPIRED_TOKEN: [u8; 5] = *b"FX002";
    /// Token revoked or its session ended. HTTP 401 `REVOKED_TOKEN`.
    pub const REVOKED_TOKEN: [u8; 5] = *b"FX003";
    /// A good token of the wrong kind, audience or issuer. HTTP 401 `INVALID_TOKEN`.
    pub const WRONG_TOKEN: [u8; 5] = *b"FX004";
    /// The identity is sealed; a change was refused. HTTP 403 `INSUFFICIENT_PERMISSIONS`.
    pub const IDENTITY_SEALED: [u8; 5] = *b"FX005";
    /// Entered twice, or inside a subtransaction. HTTP 500 `INTERNAL_ERROR`.
    pub const ALREADY_ENTERED: [u8; 5] = *b"FX006";
    /// No identity was entered in this transaction. HTTP 401 `AUTHENTICATION_REQUIRED`.
    pub const NOT_ENTERED: [u8; 5] = *b"FX007";
    /// A setting is unknown or its value malformed. HTTP 400 `INVALID_INPUT`.
    pub const INVALID_SETTING: [u8; 5] = *b"FX008";
    /// Too busy; try again. HTTP 503.
    pub const BUSY: [u8; 5] = *b"FX009";
}

/// The part of a token a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Part {
    /// The JOSE header.
    #[error("header")]
    Header,
    /// The claims.
    #[error("payload")]
    Payload,
    /// The signature.
    #[error("signature")]
    Signature,
}

/// What was wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JsonFault {
    /// The bytes are not UTF-8 (RFC 8259 section 8.1).
    #[error("is not UTF-8")]
    NotUtf8,
    /// The text is not JSON; lone surrogates count as such.
    #[error("is not well-formed JSON")]
    Syntax,
    /// JSON, but no object at the top.
    #[error("is not a JSON object")]
    NotAnObject,
    /// One object has two members of the same name, escapes resolved (RFC 7515 section 4 leaves it
    /// to the reader to refuse; readers that pick the first or the last disagree with each other).
    #[error("has a member twice")]
    DuplicateMember,
    /// A NUL character, which PostgreSQL can store neither in text nor in jsonb.
    #[error("contains a NUL character")]
    Nul,
    /// A number that PostgreSQL's jsonb may not hold.
    #[error("has a number that is too large or too small")]
    Number,
    /// Nested deeper than any honest token.
    #[error("is nested too deeply: a token has {} levels", crate::json::MAX_DEPTH)]
    TooDeep,
}

/// Every reason to refuse a token. The text is safe to log: it contains nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Longer than [`crate::token::MAX_BYTES`].
    #[error("token is longer than {} bytes", crate::token::MAX_BYTES)]
    TooLong,
    /// Not three parts with two dots between (RFC 7515 section 7.1).
    #[error("token does not have three parts")]
    NotThreeParts,
    /// Padding, whitespace, the other alphabet, or bits that decode to nothing (RFC 7515 section 2,
    /// RFC 4648 section 3.5): a second spelling of the same token.
    #[error("token {0} is not canonical base64url")]
    NotBase64Url(Part),
    /// The part is no acceptable JSON.
    #[error("token {0} {1}")]
    Json(Part, JsonFault),
    /// No `alg` in the header, or not a text.
    #[error("token header names no algorithm")]
    AlgorithmMissing,
    /// `none`, RSA, anything but HS256 and ES256.
    #[error("token header names an algorithm that is not accepted")]
    AlgorithmNotAccepted,
    /// A header member that would let the token choose its key or change its reading.
    #[error("token header has `{0}`, which is not accepted")]
    HeaderNotAccepted(&'static str),
    /// A header member of the wrong JSON type or out of bounds.
    #[error("token header member `{0}` is malformed")]
    HeaderMalformed(&'static str),
    /// `typ` names something else than a JWT.
    #[error("token header `typ` is neither JWT nor at+jwt")]
    TypeNotAccepted,
    /// No key of the named id and algorithm, or an asymmetric token without `kid`.
    #[error("no key for this token")]
    UnknownKey,
    /// The signature has another length than the algorithm gives (RFC 7518 sections 3.2, 3.4).
    #[error("token signature has the wrong length")]
    SignatureLength,
    /// The signature does not hold.
    #[error("token signature does not match")]
    BadSignature,
    /// A claim that must be there is not.
    #[error("claim `{0}` is missing")]
    ClaimMissing(&'static str),
    /// A claim of the wrong JSON type, or outside its bounds.
    #[error("claim `{0}` is malformed")]
    ClaimMalformed(&'static str),
    /// A role of signed-in users without a user.
    #[error("claim `sub` is missing for a role that needs a user")]
    SubjectMissing,
    /// `iss` is somebody else.
    #[error("token was issued by somebody else")]
    WrongIssuer,
    /// `aud` is somebody else.
    #[error("token is meant for another audience")]
    WrongAudience,
    /// A refresh token, or another kind, where an access token belongs.
    #[error("token is not an access token")]
    WrongTokenType,
    /// `exp` has passed (RFC 7519 section 4.1.4).
    #[error("token has expired")]
    Expired,
    /// `nbf` has not come (RFC 7519 section 4.1.5).
    #[error("token is not valid yet")]
    NotYetValid,
    /// The token itself was revoked.
    #[error("token was revoked")]
    Revoked,
    /// The session of the token has ended.
    #[error("session of the token has ended")]
    SessionEnded,
}

impl Refusal {
    /// The code the caller sees. It tells an honest client what to do next (get a new token, sign
    /// in again) and an attacker nothing about which check stopped him.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.sqlstate() {
            sqlstate::EXPIRED_TOKEN => "EXPIRED_TOKEN",
            sqlstate::REVOKED_TOKEN => "REVOKED_TOKEN",
            _ => "INVALID_TOKEN",
        }
    }

    /// The SQLSTATE the extension raises.
    #[must_use]
    pub const fn sqlstate(&self) -> [u8; 5] {
        match self {
            Self::TooLong
            | Self::NotThreeParts
            | Self::NotBase64Url(_)
            | Self::Json(..)
            | Self::AlgorithmMissing
            | Self::AlgorithmNotAccepted
            | Self::HeaderNotAccepted(_)
            | Self::HeaderMalformed(_)
            | Self::TypeNotAccepted
            | Self::UnknownKey
            | Self::SignatureLength
            | Self::BadSignature
            | Self::ClaimMissing(_)
            | Self::ClaimMalformed(_)
            | Self::SubjectMissing => sqlstate::INVALID_TOKEN,
            Self::WrongIssuer | Self::WrongAudience | Self::WrongTokenType => sqlstate::WRONG_TOKEN,
            Self::Expired | Self::NotYetValid => sqlstate::EXPIRED_TOKEN,
            Self::Revoked | Self::SessionEnded => sqlstate::REVOKED_TOKEN,
        }
    }

    /// [`Self::sqlstate`] as text.
    #[must_use]
    pub const fn sqlstate_text(&self) -> &'static str {
        match self.sqlstate() {
            sqlstate::EXPIRED_TOKEN => "FX002",
            sqlstate::REVOKED_TOKEN => "FX003",
            sqlstate::WRONG_TOKEN => "FX004",
            _ => "FX001",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_learns_one_of_three_codes() {
        for (refusal, state, code) in [
            (Refusal::BadSignature, "FX001", "INVALID_TOKEN"),
            (
                Refusal::Json(Part::Header, JsonFault::Syntax),
                "FX001",
                "INVALID_TOKEN",
            ),
            (Refusal::SubjectMissing, "FX001", "INVALID_TOKEN"),
            (Refusal::WrongTokenType, "FX004", "INVALID_TOKEN"),
            (Refusal::WrongIssuer, "FX004", "INVALID_TOKEN"),
            (Refusal::Expired, "FX002", "EXPIRED_TOKEN"),
            (Refusal::NotYetValid, "FX002", "EXPIRED_TOKEN"),
            (Refusal::SessionEnded, "FX003", "REVOKED_TOKEN"),
        ] {
            assert_eq!(refusal.code(), code, "{refusal}");
            assert_eq!(refusal.sqlstate_text(), state, "{refusal}");
            assert_eq!(refusal.sqlstate(), state.as_bytes(), "{refusal}");
        }
    }
}
