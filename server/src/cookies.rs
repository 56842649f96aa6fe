//! Tokens in cookies, for browsers whose scripts shall not hold them. Off unless `security.csrf_secret` is set.
//!
//! A browser sends cookies with whatever any site makes it ask, so a cookie alone never changes anything: an unsafe request
//! that a cookie speaks for needs the CSRF token in a header too. That token is random and signed together with the session
//! it was given to (HMAC-SHA-256), so any server with the secret can judge it, and none has to remember it.

use crate::config::Csrf;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use aws_lc_rs::{hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The access token; no script can read it.
pub const ACCESS: &str = "fluxbase_access_token";
/// The refresh token; sent to the account endpoints of this very site only.
pub const REFRESH: &str = "fluxbase_refresh_token";
/// The CSRF token; a script must read it to send it back.
pub const CSRF: &str = "csrf_token";
/// Where the CSRF token is sent back.
pub const CSRF_HEADER: &str = "x-csrf-token";

const RANDOM_BYTES: usize = 16;
const DAY_SECONDS: i64 = 86_400;

/// What makes and judges cookies.
pub struct Cookies {
    key: hmac::Key,
    secure: bool,
}

impl Cookies {
    /// With this secret; cookies are for https alone when the site is.
    #[must_use]
    pub fn new(csrf: &Csrf, https: bool) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, csrf.secret.expose().as_bytes()),
            secure: https,
        }
    }

    /// A fresh CSRF token for this session, or for a visitor.
    #[must_use]
    pub fn csrf_token(&self, session: Option<[u8; 16]>) -> Option<String> {
        let mut random = [0; RANDOM_BYTES];
        rand::fill(&mut random).ok()?;
        Some(self.sign(&random, session))
    }

    fn sign(&self, random: &[u8], session: Option<[u8; 16]>) -> String {
        let tag = hmac::sign(&self.key, &message(random, session));
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(random),
            URL_SAFE_NO_PAD.encode(tag)
        )
    }

    /// Whether a CSRF token is ours and was given to this session.
    #[must_use]
    pub fn csrf_holds(&self, token: &str, session: Option<[u8; 16]>) -> bool {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let Some((random, tag)) = token.split_once('.') else {
            return false;
        };
        let (Some(random), Some(tag)) = (decode(random), decode(tag)) else {
            return false;
        };
        random.len() == RANDOM_BYTES
            && hmac::verify(&self.key, &message(&random, session), &tag).is_ok()
    }

    /// The cookies of a token reply.
    #[must_use]
    pub fn signed_in(
        &self,
        access: &str,
        access_seconds: i64,
        refresh: &str,
        refresh_seconds: i64,
    ) -> Vec<HeaderValue> {
        [
            self.cookie(ACCESS, access, "/", "Lax", true, access_seconds),
            self.cookie(
                REFRESH,
                refresh,
                "/api/v1/auth",
                "Strict",
                true,
                refresh_seconds,
            ),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What makes the browser forget them.
    #[must_use]
    pub fn signed_out(&self) -> Vec<HeaderValue> {
        self.signed_in("", 0, "", 0)
    }

    /// The cookie that shows the CSRF token to scripts of this site.
    #[must_use]
    pub fn csrf(&self, token: &str) -> Option<HeaderValue> {
        self.cookie(CSRF, token, "/", "Strict", false, DAY_SECONDS)
    }

    fn cookie(
        &self,
        name: &str,
        value: &str,
        path: &str,
        same_site: &str,
        http_only: bool,
        seconds: i64,
    ) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let hidden = if http_only { "; HttpOnly" } else { "" };
        HeaderValue::from_str(&format!(
            "{name}={value}; Path={path}; Max-Age={seconds}; SameSite={same_site}{hidden}{secure}"
        ))
        .ok()
    }
}

fn message(random: &[u8], session: Option<[u8; 16]>) -> Vec<u8> {
    let mut message = random.to_vec();
    // Of one length with and without a session, and told apart by the first byte of it.
    message.push(u8::from(session.is_some()));
    message.extend_from_slice(&session.unwrap_or_default());
    message
}

/// The value of a cookie. One that is there twice is none: which of them counts would be a guess, and the second may
/// have been set by another host of the domain.
#[must_use]
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(COOKIE)
        .filter_map(|header| header.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(found, value)| *found == name && !value.is_empty())
        .map(|(_, value)| value);
    let first = values.next();
    if values.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::{ACCESS, Cookies, read};
    use crate::config::Csrf;
    use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

    fn cookies(secret: &str) -> Cookies {
        Cookies::new(&Csrf::new(secret).unwrap(), true)
    }

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_csrf_token_of_another_session_or_another_site_is_refused() {
        let ours = cookies(SECRET);
        let (ann, bob) = (Some([1; 16]), Some([2; 16]));
        let token = ours.csrf_token(ann).unwrap();
        assert!(ours.csrf_holds(&token, ann));
        assert!(!ours.csrf_holds(&token, bob));
        assert!(!ours.csrf_holds(&token, None));
        assert!(!cookies(&SECRET.replace('0', "x")).csrf_holds(&token, ann));
        // A visitor's token is no token of the session that begins later.
        let visitor = ours.csrf_token(None).unwrap();
        assert!(ours.csrf_holds(&visitor, None) && !ours.csrf_holds(&visitor, ann));
        for forged in [
            "",
            ".",
            "a.b",
            &token[..token.len() - 1],
            &format!("A{token}"),
        ] {
            assert!(!ours.csrf_holds(forged, ann), "{forged}");
        }
        assert_ne!(ours.csrf_token(ann), ours.csrf_token(ann));
    }

    #[test]
    fn scripts_read_neither_token_and_other_sites_send_none_that_changes_anything() {
        let set = cookies(SECRET).signed_in("a.b.c", 900, "d.e.f", 604_800);
        assert_eq!(
            set,
            [
                "fluxbase_access_token=a.b.c; Path=/; Max-Age=900; SameSite=Lax; HttpOnly; Secure",
                "fluxbase_refresh_token=d.e.f; Path=/api/v1/auth; Max-Age=604800; SameSite=Strict; HttpOnly; Secure",
            ]
        );
        let csrf = cookies(SECRET).csrf("t").unwrap();
        assert_eq!(
            csrf,
            "csrf_token=t; Path=/; Max-Age=86400; SameSite=Strict; Secure"
        );
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_none() {
        let with = |texts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(COOKIE, HeaderValue::from_static(text));
            }
            read(&headers, ACCESS).map(str::to_owned)
        };
        assert_eq!(
            with(&["x=1; fluxbase_access_token=t; y=2"]).as_deref(),
            Some("t")
        );
        assert_eq!(
            with(&["fluxbase_access_token=t; fluxbase_access_token=u"]),
            None
        );
        assert_eq!(
            with(&["fluxbase_access_token=t", "fluxbase_access_token=u"]),
            None
        );
        assert_eq!(with(&["fluxbase_access_token="]), None);
        assert_eq!(with(&["xfluxbase_access_token=t"]), None);
    }
}
