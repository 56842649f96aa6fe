//! Headers → [`Caller`].
//!
//! The first credential in this order speaks for the request, and the ones after it are not looked
//! at: `X-Impersonation-Token`, `Authorization`, the access cookie, `X-Service-Key`, `X-Client-Key`, `clientkey`,
//! `apikey`. A client library keeps sending the key it was made with in `apikey` after its user
//! signed in, so `Authorization` must come before it. No credential at all is an anonymous visitor;
//! a credential that is present and bad is refused, never quietly taken for a visitor.
//!
//! The token is verified here so that a bad one costs no database connection, and once more inside
//! PostgreSQL, which alone decides whether its session still lives. Keys (`sk_…`, `fbk_…`) are no tokens: here only their
//! form is looked at.

mod cache;

pub use cache::Verified;

use crate::caller::{Caller, Credential, Kind};
use actix_web::http::header::{HeaderMap, HeaderValue};
use fluxbase_rules::keys::Algorithm;
use fluxbase_rules::role::is_administrator;
use fluxbase_rules::{
    Claims, DatabaseRole, Expected, Keyring, Refusal, SignedClaims, UnixSeconds, UnverifiedToken,
};

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
    /// The token names a key that is not known here. A fresh set may have it.
    #[error("the token names a key that there is not")]
    UnknownKey,
    /// `Authorization` with another scheme than Bearer, without a token, or not ASCII.
    #[error("the Authorization header is not `Bearer <token>`")]
    NotBearer,
    /// The same credential header twice: which one counts would be a guess.
    #[error("header {0} is given more than once")]
    Twice(&'static str),
    /// What stands where a key must stand is none.
    #[error("a key that cannot be one")]
    NotAKey,
    /// An impersonation token without the credential of the administrator it was given to.
    #[error("the impersonation token is not accompanied by its administrator")]
    NotTheAdministrator,
}

/// Proof that a request's credentials were judged. Made here and nowhere else.
pub struct Judged {
    credential: Option<Credential>,
    role: DatabaseRole,
    kind: Kind,
    session: Option<[u8; 16]>,
    user: Option<[u8; 16]>,
    administrator: bool,
    by_cookie: bool,
}

impl Judged {
    /// Nobody.
    fn visitor() -> Self {
        Self {
            credential: None,
            role: DatabaseRole::Anon,
            kind: Kind::Token,
            session: None,
            user: None,
            administrator: false,
            by_cookie: false,
        }
    }

    /// Whom the claims of a token speak of.
    fn of(claims: &Claims) -> Self {
        Self {
            role: claims.database_role(),
            session: claims.session_id,
            user: claims.sub,
            administrator: is_administrator(&claims.role),
            ..Self::visitor()
        }
    }

    pub(crate) fn into_parts(self) -> Parts {
        Parts {
            credential: self.credential,
            role: self.role,
            kind: self.kind,
            session: self.session,
            user: self.user,
            administrator: self.administrator,
            by_cookie: self.by_cookie,
        }
    }
}

/// What a caller is made of.
pub(crate) struct Parts {
    pub(crate) credential: Option<Credential>,
    pub(crate) role: DatabaseRole,
    pub(crate) kind: Kind,
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) user: Option<[u8; 16]>,
    pub(crate) administrator: bool,
    pub(crate) by_cookie: bool,
}

/// Says who is asking. `cookie` holds the access token of the cookie, where cookies are on.
///
/// # Errors
/// [`Refused`], always answered with 401.
pub fn authenticate(
    headers: &HeaderMap,
    cookie: Option<&HeaderValue>,
    now: UnixSeconds,
    keys: &Keys,
    verified: &mut Verified,
) -> Result<Caller, Refused> {
    let mut judge = |token: &str| -> Result<SignedClaims, Refused> {
        let claims = match verified.get(token, keys.generation) {
            Some(claims) => claims,
            None => {
                let unverified = UnverifiedToken::parse(token)?;
                // Secrets come from the configuration and have no name.
                let named = unverified
                    .kid()
                    .filter(|_| unverified.algorithm() == Algorithm::Es256);
                if named.is_some_and(|kid| !keys.ring.has_kid(kid)) {
                    return Err(Refused::UnknownKey);
                }
                let claims = unverified.verify(&keys.ring)?;
                verified.put(token, claims.clone());
                claims
            }
        };
        // The signature is remembered, the time is judged at every request.
        claims.judge(now, &keys.expected)?;
        Ok(claims)
    };
    if let Some(header) = only(headers, "x-impersonation-token")? {
        let token = header.to_str().map_err(|_| Refused::NotBearer)?;
        let claims = judge(token)?;
        let acting = claims.judge(now, &keys.expected)?;
        // Beside the credential of the very administrator it was given to: alone it is a stolen one.
        let Some(Presented { token, .. }) = presented(headers, cookie)? else {
            return Err(Refused::NotTheAdministrator);
        };
        let administrator = judge(token)?;
        let administrator = administrator.judge(now, &keys.expected)?;
        let who = administrator
            .sub
            .filter(|_| administrator.impersonated_by.is_none());
        if who.is_none() || acting.impersonated_by != who {
            return Err(Refused::NotTheAdministrator);
        }
        return Ok(Caller::new(Judged {
            credential: Some(Credential {
                header: header.clone(),
                token_starts: 0,
            }),
            ..Judged::of(acting)
        }));
    }
    let Some(Presented {
        header,
        token_starts,
        token,
        opaque,
        by_cookie,
    }) = presented(headers, cookie)?
    else {
        return Ok(Caller::new(Judged::visitor()));
    };
    let judged = match opaque {
        Some((role, kind)) => Judged {
            role,
            kind,
            ..Judged::visitor()
        },
        None => {
            let claims = judge(token)?;
            let claims = claims.judge(now, &keys.expected)?;
            // Has its own header, beside the administrator's token.
            if claims.impersonated_by.is_some() {
                return Err(Refused::NotTheAdministrator);
            }
            Judged::of(claims)
        }
    };
    Ok(Caller::new(Judged {
        credential: Some(Credential {
            header: header.clone(),
            token_starts,
        }),
        by_cookie,
        ..judged
    }))
}

/// A credential as sent.
struct Presented<'a> {
    header: &'a HeaderValue,
    /// Where in it the token begins.
    token_starts: usize,
    token: &'a str,
    /// What it is when it is no signed token.
    opaque: Option<(DatabaseRole, Kind)>,
    /// The browser sent it by itself.
    by_cookie: bool,
}

impl<'a> Presented<'a> {
    fn new(header: &'a HeaderValue, token_starts: usize) -> Result<Self, Refused> {
        let token = header
            .to_str()
            .ok()
            .and_then(|text| text.get(token_starts..))
            .ok_or(Refused::NotBearer)?;
        Ok(Self {
            header,
            token_starts,
            token,
            opaque: opaque(token)?,
            by_cookie: false,
        })
    }

    /// As `new`, where only a key will do.
    fn key(header: &'a HeaderValue, token_starts: usize, prefix: &str) -> Result<Self, Refused> {
        let presented = Self::new(header, token_starts)?;
        if presented.token.starts_with(prefix) {
            Ok(presented)
        } else {
            Err(Refused::NotAKey)
        }
    }
}

fn presented<'a>(
    headers: &'a HeaderMap,
    cookie: Option<&'a HeaderValue>,
) -> Result<Option<Presented<'a>>, Refused> {
    if let Some(header) = only(headers, "authorization")? {
        let text = header.to_str().map_err(|_| Refused::NotBearer)?;
        let (scheme, rest) = text.split_once(' ').ok_or(Refused::NotBearer)?;
        let token = rest.trim_start_matches(' ');
        if token.is_empty() {
            return Err(Refused::NotBearer);
        }
        let starts = text.len() - token.len();
        if scheme.eq_ignore_ascii_case("ServiceKey") {
            return Presented::key(header, starts, SERVICE_KEY).map(Some);
        }
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(Refused::NotBearer);
        }
        return Presented::new(header, starts).map(Some);
    }
    if let Some(cookie) = cookie {
        return Ok(Some(Presented {
            by_cookie: true,
            ..Presented::new(cookie, 0)?
        }));
    }
    for (name, prefix) in [
        ("x-service-key", SERVICE_KEY),
        ("x-client-key", CLIENT_KEY),
        ("clientkey", CLIENT_KEY),
    ] {
        if let Some(header) = only(headers, name)? {
            return Presented::key(header, 0, prefix).map(Some);
        }
    }
    match only(headers, "apikey")? {
        Some(header) => Presented::new(header, 0).map(Some),
        None => Ok(None),
    }
}

const SERVICE_KEY: &str = "sk_";
const CLIENT_KEY: &str = "fbk_";
const CHALLENGE: &str = "mfa_";
/// 32 bytes in base64url.
const RANDOM_CHARACTERS: usize = 43;

/// Credentials that are no signed tokens, told by their first letters. What cannot be one costs no connection.
fn opaque(token: &str) -> Result<Option<(DatabaseRole, Kind)>, Refused> {
    for (prefix, role, kind) in [
        (SERVICE_KEY, DatabaseRole::ServiceRole, Kind::Key),
        (CLIENT_KEY, DatabaseRole::Authenticated, Kind::Key),
        (CHALLENGE, DatabaseRole::Anon, Kind::Challenge),
    ] {
        if let Some(random) = token.strip_prefix(prefix) {
            let plausible = random.len() == RANDOM_CHARACTERS
                && random
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            return if plausible {
                Ok(Some((role, kind)))
            } else {
                Err(Refused::NotAKey)
            };
        }
    }
    Ok(None)
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
