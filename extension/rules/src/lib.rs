//! The decisions of Fluxbase, without the machine around them.
//!
//! Every function here is pure: state, input and `now` go in, a decision comes out. There is no
//! clock, no random source, no file and no database behind any of them, so the server at the edge
//! and the extension inside PostgreSQL judge a token, a password or a setting alike, and all of it
//! can be tested in seconds without a cluster.
//!
//! | module | decides |
//! |---|---|
//! | [`token`] | is this text a token one of our keys signed; then, at each use, may it be used now |
//! | [`claims`] | what a signed or trusted payload says, with its shape checked once |
//! | [`role`] | which database role an application role acts as |
//! | [`keys`] | which keys verify, and the one that signs |
//! | [`issue`] | what a token we sign contains |
//! | [`password`] | hash, verify, "hash again?", policy |
//! | [`factor`] | is this code of an authenticator right and unused; backup codes, codes by mail |
//! | [`sealed`] | how a secret is stored so that the table alone gives nothing away |
//! | [`lockout`] | may this attempt to sign in be judged at all |
//! | [`rotation`] | what a presented refresh token is to its session |
//! | [`redirect`] | may a link in a mail lead there |
//! | [`email`] | is this an address, and its one spelling |
//! | [`scopes`] | what a key may be used for |
//! | [`discretion`] | what of a statement may stand in a log |
//! | [`settings`] | the closed list of `auth:` settings |
//! | [`duration`], [`uuid`], [`json`] | three text forms used by all of the above |
//! | [`error`] | why a token was refused: the reason for the log, the code for the caller |
//!
//! What this crate must never know: PostgreSQL, HTTP, the time of day, where random bytes come from.
//! One exception is outside our hands: an ECDSA signature needs a fresh nonce, which the
//! cryptographic library draws itself; a nonce passed in by a caller could be repeated, and one
//! repetition gives the private key away.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod claims;
mod crypto;
pub mod discretion;
pub mod duration;
pub mod email;
pub mod error;
pub mod factor;
pub mod issue;
pub mod json;
pub mod keys;
pub mod lockout;
pub mod password;
pub mod redirect;
pub mod role;
pub mod rotation;
pub mod scopes;
pub mod sealed;
pub mod settings;
pub mod token;
pub mod uuid;

pub use claims::Claims;
pub use error::Refusal;
pub use keys::{Algorithm, Keyring, SigningKey};
pub use role::DatabaseRole;
pub use token::{Expected, SignedClaims, UnverifiedToken};

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted (RFC 7519 section 2, NumericDate).
pub type UnixSeconds = i64;
