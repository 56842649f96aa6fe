//! Where a link in a mail may lead. The token is appended to it, so whoever chooses the address gets the account:
//! it must lie below a URL that an administrator wrote down.

use thiserror::Error;
use url::{Host, Url};

/// Longest `redirect_to` that is looked at.
const MAX_BYTES: usize = 2048;

/// Why a text cannot be an allowed URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UrlRefusal {
    /// Not an absolute URL.
    #[error("it is not an absolute URL")]
    NotAbsolute,
    /// Plain http is for this machine only: the token would travel in the open.
    #[error("it must begin with https:// (http:// only for localhost)")]
    Scheme,
    /// `https://app.example@evil.example` reads as the one and leads to the other.
    #[error("it must not hold a user name, a query or a fragment")]
    Extra,
}

/// A URL below which redirects are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedUrl(Url);

impl AllowedUrl {
    /// Reads one.
    ///
    /// # Errors
    /// See [`UrlRefusal`].
    pub fn parse(text: &str) -> Result<Self, UrlRefusal> {
        let url = safe(text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(UrlRefusal::Extra);
        }
        Ok(Self(url))
    }

    /// As a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn covers(&self, url: &Url) -> bool {
        let below = self.0.path().trim_end_matches('/');
        self.0.origin() == url.origin()
            && url
                .path()
                .strip_prefix(below)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The URL as it will be used, when it is allowed. What was checked and what is used must be the same text: browsers
/// and parsers disagree about backslashes and tabs, so the parsed form is given back.
#[must_use]
pub fn allowed(redirect_to: &str, list: &[AllowedUrl]) -> Option<String> {
    let url = safe(redirect_to).ok()?;
    list.iter()
        .any(|known| known.covers(&url))
        .then(|| url.into())
}

fn safe(text: &str) -> Result<Url, UrlRefusal> {
    if text.len() > MAX_BYTES || text.chars().any(|c| c.is_control() || c == '\\') {
        return Err(UrlRefusal::NotAbsolute);
    }
    let url = Url::parse(text).map_err(|_| UrlRefusal::NotAbsolute)?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(UrlRefusal::NotAbsolute),
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && local) {
        return Err(UrlRefusal::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlRefusal::Extra);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{AllowedUrl, UrlRefusal, allowed};

    fn list(urls: &[&str]) -> Vec<AllowedUrl> {
        urls.iter()
            .map(|url| AllowedUrl::parse(url).unwrap())
            .collect()
    }

    #[test]
    fn a_redirect_to_somebody_elses_site_is_refused() {
        let list = list(&["https://app.example.com/account", "http://localhost:5173"]);
        for bad in [
            "https://evil.example",
            "https://app.example.com.evil.example/account",
            "https://app.example.com@evil.example/account",
            "https://app.example.com:444/account",
            "http://app.example.com/account",
            "https://app.example.com/accounts",
            "https://app.example.com/account/../other",
            "https://app.example.com/account%2f../../other",
            "https://app.example.com/other",
            "https://sub.app.example.com/account",
            "//evil.example/account",
            "/account",
            "https:evil.example",
            "https:\\\\evil.example\\account",
            "https://app.example.com\\@evil.example",
            "javascript:alert(1)//https://app.example.com/account",
            "data:text/html,x",
            "https://app.example.com/account\r\nX: y",
            "\thttps://app.example.com/account",
            "http://localhost:5174/",
            "",
        ] {
            assert_eq!(allowed(bad, &list), None, "{bad:?}");
        }
        assert_eq!(allowed("https://app.example.com/account", &[]), None);
        let long = format!("https://app.example.com/account/{}", "x".repeat(3000));
        assert_eq!(allowed(&long, &list), None);
    }

    #[test]
    fn a_redirect_below_an_allowed_url_is_taken() {
        let list = list(&["https://app.example.com/account/", "http://localhost:5173"]);
        for good in [
            "https://app.example.com/account",
            "https://app.example.com/account/reset?lang=en#top",
            "https://APP.example.com:443/account/reset",
            "http://localhost:5173/anything",
        ] {
            assert!(allowed(good, &list).is_some(), "{good}");
        }
    }

    #[test]
    fn an_entry_that_would_open_too_much_is_no_entry() {
        for (text, refusal) in [
            ("*", UrlRefusal::NotAbsolute),
            ("app.example.com", UrlRefusal::NotAbsolute),
            ("http://app.example.com", UrlRefusal::Scheme),
            ("ftp://app.example.com", UrlRefusal::Scheme),
            ("https://u@app.example.com", UrlRefusal::Extra),
            ("https://app.example.com/?a=b", UrlRefusal::Extra),
        ] {
            assert_eq!(AllowedUrl::parse(text), Err(refusal), "{text}");
        }
    }
}
