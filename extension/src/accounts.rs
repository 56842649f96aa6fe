//! The acts on accounts: `auth.sign_up`, `auth.sign_in` and what follows from them.
//!
//! Declared SECURITY DEFINER with an empty search_path. Those that take a password, a token or a code are native and
//! not PL/pgSQL, so that it is never the argument of a nested statement, where an auditing extension would write it
//! down; the others are in `sql/install/`.
//!
//! A refusal is a value, `{"error", "code"}`, not an exception: what it writes down stays written.
//!
//! | module | acts |
//! |---|---|
//! | `sign_up`, `sign_in` | an account is made; a password is judged, and what a right one leads to |
//! | `session`, `replaced` | tokens: issued, refreshed; what a new session takes the place of |
//! | `factor_challenge`, `factor_setup` | second factors: asked for; set up, replaced, taken away |
//! | `recovery_request`, `recovery_link`, `recovery_code`, `confirmation`, `claimed` | what is sent by mail and comes back: resets, sign-in links and codes, addresses; what the first proof of a mailbox ends |
//! | `outbox` | what the mailer takes |
//! | `profile`, `proof` | a user changes the own account, and shows again who it is |
//! | `admin`, `admin_factor`, `impersonation`, `api_keys` | what administrators do that needs random bytes or a hash, or ends much at once |
//! | `user`, `credentials` | a user as read; a password as judged or newly hashed |

pub mod admin;
pub mod admin_factor;
pub mod api_keys;
pub mod claimed;
pub mod confirmation;
pub mod credentials;
pub mod factor_challenge;
pub mod factor_setup;
pub mod impersonation;
mod mailed_token;
pub mod outbox;
pub mod profile;
pub mod proof;
pub mod recovery_code;
pub mod recovery_link;
pub mod recovery_request;
pub mod replaced;
pub mod session;
pub mod sign_in;
pub mod sign_up;
pub mod user;

use crate::error::{Failure, or_raise};
use crate::jsonb::JsonB;
use crate::{api_key, quiet, stored};
use pgrx::prelude::*;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Why an act ended without its reply.
pub enum Stop {
    /// The caller's doing: answered.
    Refused(Map<String, Value>),
    /// Ours: raised.
    Failed(Failure),
}

impl Stop {
    /// With one more member in the answer.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Self::Refused(members) = &mut self {
            members.insert(name.to_owned(), value.into());
        }
        self
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<pgrx::spi::SpiError> for Stop {
    fn from(error: pgrx::spi::SpiError) -> Self {
        Self::Failed(error.into())
    }
}

pub fn refused(code: &'static str, message: impl Into<String>) -> Stop {
    let mut members = Map::new();
    members.insert("error".to_owned(), message.into().into());
    members.insert("code".to_owned(), code.into());
    Stop::Refused(members)
}

pub fn missing(what: &str) -> Stop {
    refused("MISSING_REQUIRED_FIELD", format!("{what} is required"))
}

pub fn sign_in_first() -> Stop {
    refused("AUTHENTICATION_REQUIRED", "Authentication required")
}

/// Too many tries from one client, or at one second factor.
pub fn rate_limited(message: &str, seconds: i64) -> Stop {
    refused("RATE_LIMITED", message).with("retry_after", seconds)
}

/// The beginning of every act.
pub fn begin() {
    quiet::nested_statements();
    stored::catch_up();
}

/// The beginning of an act of whoever has entered: a key acts within its scopes, in SQL as over HTTP.
pub fn begin_within(scope: &str) -> Result<(), Stop> {
    begin();
    if api_key::lacks(scope) {
        let message = format!("The key has not the scope {scope}");
        return Err(refused("INSUFFICIENT_PERMISSIONS", message));
    }
    Ok(())
}

/// The same for acts that are written in SQL: null, or the refusal.
#[pg_extern]
fn scope_refusal(scope: &str) -> Option<JsonB> {
    match begin_within(scope) {
        Ok(()) => None,
        Err(stop) => Some(answer(Err(stop))),
    }
}

/// The reply or the refusal as a value; failures are raised. For the outermost function only.
pub fn answer(result: Result<Value, Stop>) -> JsonB {
    JsonB(or_raise(match result {
        Ok(reply) => Ok(reply),
        Err(Stop::Refused(members)) => Ok(Value::Object(members)),
        Err(Stop::Failed(failure)) => Err(failure),
    }))
}

/// What the caller of a function says of its own caller.
#[derive(Default)]
pub struct Context {
    pub ip: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    /// A code of the second factor, shown with the act.
    pub code: Option<String>,
    /// What `auth.reauthenticate` gave.
    pub nonce: Option<String>,
    /// Shown to `auth.reauthenticate`.
    pub password: Option<String>,
    /// The challenge of a sign-in that waits for its second factor.
    pub mfa_token: Option<String>,
    /// The refresh token of the session that a sign-in takes the place of.
    pub replaces: Option<String>,
}

impl Context {
    pub fn read(context: Option<JsonB>) -> Self {
        let Some(JsonB(Value::Object(mut members))) = context else {
            return Self::default();
        };
        let mut text = |name: &str, most: usize| match members.remove(name) {
            Some(Value::String(text)) => Some(text.chars().take(most).collect::<String>()),
            _ => None,
        };
        Self {
            ip: text("ip", 64).and_then(|ip| ip.parse().ok()),
            user_agent: text("user_agent", 512),
            request_id: text("request_id", 128),
            code: text("code", 64),
            nonce: text("nonce", 128),
            password: text("password", 200),
            mfa_token: text("mfa_token", 128),
            replaces: text("replaces", 4096),
        }
    }
}
