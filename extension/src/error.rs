//! Raising errors, and the one place where SQLSTATEs of class FX are chosen.

use fluxbase_rules::Refusal;
use pgrx::pg_sys;
use pgrx::prelude::PgLogLevel;
use std::ffi::{CStr, CString, c_char, c_int};

/// An error on its way to the caller. Built wherever something is refused, raised only by the outermost
/// function, so that no Rust value is alive when PostgreSQL jumps out.
pub struct Failure {
    sqlstate: [u8; 5],
    message: String,
    hint: Option<String>,
}

/// 42501: what PostgreSQL itself says when a right is missing.
const INSUFFICIENT_PRIVILEGE: [u8; 5] = *b"42501";

impl Failure {
    pub fn new(sqlstate: [u8; 5], message: impl Into<String>) -> Self {
        Self {
            sqlstate,
            message: message.into(),
            hint: None,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An attempt to change who is asking.
    pub fn sealed(what: &str) -> Self {
        Self::new(
            INSUFFICIENT_PRIVILEGE,
            format!("{what} is not allowed: the identity of this transaction is sealed"),
        )
        .hint("It ends with the transaction; the next one enters anew.")
    }

    /// An attempt of the server's login to become a role without a token.
    pub fn locked(what: &str) -> Self {
        Self::new(
            INSUFFICIENT_PRIVILEGE,
            format!("{what} is not allowed for members of fluxbase_app"),
        )
        .hint("Present a token with auth.enter(token), or use auth.enter_anonymous().")
    }

    /// `auth.enter` where its effect could be undone or was had already.
    pub fn cannot_enter(why: &str) -> Self {
        Self::new(*b"FX006", why)
    }

    /// The session of a token is over, or the token was revoked.
    pub fn session_over() -> Self {
        Self::new(*b"FX003", "session has ended")
    }

    /// The token of a sign-in that waits for its second factor, where an access token is needed.
    pub fn factor_needed() -> Self {
        Self::new(*b"FX010", "a second factor must be set up first")
    }

    /// A key without the scope for this.
    pub fn scope_missing(scope: &str) -> Self {
        Self::new(*b"FX011", format!("the key has not the scope {scope}"))
    }

    /// A key that is not known, not good any more, or whose user is not.
    pub fn key_over() -> Self {
        Self::new(*b"FX003", "the key is not valid")
    }

    /// A setting that does not exist or cannot take that value.
    pub fn setting(message: impl Into<String>) -> Self {
        Self::new(*b"FX008", message)
    }

    /// Something that only a broken installation shows.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(*b"XX000", message)
    }

    pub fn not_preloaded() -> Self {
        // SAFETY: a string setting of the server, never NULL once the server runs.
        let others = unsafe {
            let value = pg_sys::GetConfigOption(c"shared_preload_libraries".as_ptr(), true, false);
            if value.is_null() {
                String::new()
            } else {
                CStr::from_ptr(value).to_string_lossy().into_owned()
            }
        };
        let list = if others.is_empty() {
            "fluxbase".to_owned()
        } else {
            format!("{others}, fluxbase")
        };
        Self::new(*b"55000", "fluxbase must be loaded when the server starts").hint(format!(
            "Put this line into postgresql.conf and restart PostgreSQL: shared_preload_libraries = '{list}'"
        ))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.sqlstate(), refusal.to_string())
    }
}

impl From<pgrx::spi::Error> for Failure {
    fn from(error: pgrx::spi::Error) -> Self {
        Self::broken(format!("reading fluxbase's own tables failed: {error}"))
    }
}

// Declared here because pgrx's wrappers turn every error into one of its own, which knows neither foreign
// SQLSTATEs nor CONTEXT, and because it does not export these.
unsafe extern "C-unwind" {
    fn errstart(elevel: c_int, domain: *const c_char) -> bool;
    fn errcode(sqlerrcode: c_int) -> c_int;
    fn errmsg(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
    fn errfinish(filename: *const c_char, lineno: c_int, funcname: *const c_char);
}

/// Raises `failure` as an ERROR; does not return.
///
/// PostgreSQL leaves by `longjmp`: nothing with a destructor may be alive in the caller's frames.
pub fn raise(failure: Failure) -> ! {
    let text = |s: String| CString::new(s.replace('\0', "\u{fffd}")).unwrap_or_default();
    let mut code = 0;
    for (place, character) in failure.sqlstate.iter().enumerate() {
        code |= ((c_int::from(*character) - c_int::from(b'0')) & 0x3f) << (6 * place);
    }
    // SAFETY: the sequence PostgreSQL's ereport() expands to. Each err* call copies its text into the error
    // context, so the strings are gone before errfinish() jumps.
    unsafe {
        if errstart(PgLogLevel::ERROR as c_int, std::ptr::null()) {
            errcode(code);
            let message = text(failure.message);
            errmsg(c"%s".as_ptr(), message.as_ptr());
            drop(message);
            if let Some(hint) = failure.hint.map(text) {
                errhint(c"%s".as_ptr(), hint.as_ptr());
            }
            errfinish(c"fluxbase".as_ptr(), 0, std::ptr::null());
        }
    }
    // errfinish() of an ERROR does not come back; should it ever, the backend must not go on.
    std::process::abort()
}

/// The value, or the error raised. For the outermost function only.
pub fn or_raise<T>(result: Result<T, Failure>) -> T {
    match result {
        Ok(value) => value,
        Err(failure) => raise(failure),
    }
}
