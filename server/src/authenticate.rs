//! Headers → [`Caller`].
//!
//! The first credential in this order speaks for the request, and the ones after it are not looked
//! at: `X-Impersonation-Token`, `Authorization`, `X-Service-Key`, `X-Client-Key`, `clientkey`,
//! `apikey`. A client library keeps sending the key it was made with in `apikey` after its user
//! signed in, so `Authorization` must come before it. No credential at all is an anonymous visitor;
//! a credential that is present and bad is refused, never quietly taken for a visitor.
//!
//! The token is verified here so that a bad one costs no database connection, and once more inside
//! PostgreSQL, which alone decides whether its session still lives.

mod cache;

pub use cache::Verified;

use crate::caller::{Caller, Credential};
use actix_web::http::header::{HeaderMap, HeaderValue};
use fluxbase_rules::{DatabaseRole, Expected, Keyring, Refusal, UnixSeconds, UnverifiedToken};

/// Everything that is known about keys at one moment; replaced whole when they change.
pub struct Keys {
    /// What verifies.
    pub ring: Keyring,
    /// What tokens must say.
    pub expected: Expected,
    /// A number that no other set of keys has had in this process.
    pub generation: u64,
}

/// Why a credential was refused: the reason for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The token itself.
    #[error("{0}")]
    Token(#[from] Refusal),
    /// `Authorization` with another scheme than Bearer, without a token, or not ASCII.
    #[error("the Authorization header is not `Bearer <token>`")]
    NotBearer,
    /// The same credential header twice: which one counts would be a guess.
    #[error("header {0} is given more than once")]
    Twice(&'static str),
    /// A kind of credential this server does not issue.
    #[error("{0} is a kind of credential that is not available")]
    NotAvailable(&'static str),
}

/// Proof that a request's credentials were judged. Made here and nowhere else.
pub struct Judged {
    credential: Option<Credential>,
    role: DatabaseRole,
}

impl Judged {
    pub(crate) fn into_parts(self) -> (Option<Credential>, DatabaseRole) {
        (self.credential, self.role)
    }
}

/// Says who is asking.
///
/// # Errors
/// [`Refused`], always answered with 401.
pub fn authenticate(
    headers: &HeaderMap,
    now: UnixSeconds,
    keys: &Keys,
    verified: &mut Verified,
) -> Result<Caller, Refused> {
    let Some((header, token_starts)) = presented(headers)? else {
        return Ok(Caller::new(Judged {
            credential: None,
            role: DatabaseRole::Anon,
        }));
    };
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.get(token_starts..))
        .ok_or(Refused::NotBearer)?;
    let claims = match verified.get(token, keys.generation) {
        Some(claims) => claims,
        None => {
            let claims = UnverifiedToken::parse(token)?.verify(&keys.ring)?;
            verified.put(token, claims.clone());
            claims
        }
    };
    // The signature is remembered, the time is judged at every request.
    let role = claims.judge(now, &keys.expected)?.database_role();
    Ok(Caller::new(Judged {
        credential: Some(Credential {
            header: header.clone(),
            token_starts,
        }),
        role,
    }))
}

/// The header that holds the credential and where in it the token begins.
fn presented(headers: &HeaderMap) -> Result<Option<(&HeaderValue, usize)>, Refused> {
    if only(headers, "x-impersonation-token")?.is_some() {
        return Err(Refused::NotAvailable("an impersonation token"));
    }
    if let Some(header) = only(headers, "authorization")? {
        let text = header.to_str().map_err(|_| Refused::NotBearer)?;
        let (scheme, rest) = text.split_once(' ').ok_or(Refused::NotBearer)?;
        if scheme.eq_ignore_ascii_case("ServiceKey") {
            return Err(Refused::NotAvailable("a service key"));
        }
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Refused::NotBearer);
        }
        let token = rest.trim_start_matches(' ');
        if token.is_empty() {
            return Err(Refused::NotBearer);
        }
        refuse_keys(token)?;
        return Ok(Some((header, text.len() - token.len())));
    }
    for (name, kind) in [
        ("x-service-key", "a service key"),
        ("x-client-key", "a client key"),
        ("clientkey", "a client key"),
    ] {
        if only(headers, name)?.is_some() {
            return Err(Refused::NotAvailable(kind));
        }
    }
    let Some(header) = only(headers, "apikey")? else {
        return Ok(None);
    };
    refuse_keys(header.to_str().map_err(|_| Refused::NotBearer)?)?;
    Ok(Some((header, 0)))
}

/// Keys that are no tokens, told from them by their first letters.
fn refuse_keys(token: &str) -> Result<(), Refused> {
    for (prefix, kind) in [("sk_", "a service key"), ("fbk_", "a client key")] {
        if token.starts_with(prefix) {
            return Err(Refused::NotAvailable(kind));
        }
    }
    Ok(())
}

fn only<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a HeaderValue>, Refused> {
    let mut all = headers.get_all(name);
    let first = all.next();
    if all.next().is_some() {
        return Err(Refused::Twice(name));
    }
    Ok(first)
}

#[cfg(test)]
mod tests;
