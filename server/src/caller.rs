//! Who is asking. Running a statement needs one of these, so a handler that forgot to authenticate
//! does not compile.

use crate::authenticate::Judged;
use actix_web::http::header::HeaderValue;
use fluxbase_rules::DatabaseRole;

/// A caller whose credential, if any, has been verified and judged for this request.
#[derive(Clone)]
pub struct Caller {
    credential: Option<Credential>,
    role: DatabaseRole,
    kind: Kind,
    session: Option<[u8; 16]>,
    user: Option<[u8; 16]>,
    administrator: bool,
    by_cookie: bool,
}

/// What a caller showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A token whose signature held, or nothing at all.
    Token,
    /// A service key or a client key, which PostgreSQL alone can look up.
    Key,
    /// The token of a sign-in that waits for a second factor to be set up.
    Challenge,
}

/// Where the token stands in the header it came with; sharing the header's bytes, not copying them.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) header: HeaderValue,
    pub(crate) token_starts: usize,
}

impl Caller {
    /// The only way to a caller leads through [`crate::authenticate`].
    #[must_use]
    pub fn new(judged: Judged) -> Self {
        let parts = judged.into_parts();
        Self {
            credential: parts.credential,
            role: parts.role,
            kind: parts.kind,
            session: parts.session,
            user: parts.user,
            administrator: parts.administrator,
            by_cookie: parts.by_cookie,
        }
    }

    /// The token PostgreSQL shall verify once more; `None` for a visitor.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        let credential = self.credential.as_ref()?;
        credential
            .header
            .to_str()
            .ok()
            .and_then(|text| text.get(credential.token_starts..))
    }

    /// The session of the token.
    #[must_use]
    pub fn session(&self) -> Option<[u8; 16]> {
        self.session
    }

    /// The user a token speaks of.
    #[must_use]
    pub fn user(&self) -> Option<[u8; 16]> {
        self.user
    }

    /// Whether a token speaks of an administrator.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.administrator
    }

    /// Whether the browser sent the credential by itself, which it does for other sites too.
    #[must_use]
    pub fn by_cookie(&self) -> bool {
        self.by_cookie
    }

    /// Whether the credential is a service key or a client key.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.kind == Kind::Key
    }

    /// The service key or client key that was shown, which has scopes and limits of its own.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.token().filter(|_| self.is_key())
    }

    /// The token of a sign-in that waits for a second factor to be set up. It opens nothing else.
    #[must_use]
    pub fn challenge(&self) -> Option<&str> {
        self.token().filter(|_| self.kind == Kind::Challenge)
    }

    /// The database role the caller acts as.
    #[must_use]
    pub fn role(&self) -> DatabaseRole {
        self.role
    }

    /// Nobody signed in, with or without the public key.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.role == DatabaseRole::Anon
    }
}

/// Shows the role only.
impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Caller({})", self.role.name())
    }
}
