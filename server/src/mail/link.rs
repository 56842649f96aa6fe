//! The address that a mail asks to open.

use super::order::{Kind, Order};
use url::Url;

/// A mail that leads to a place nobody should be sent to.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAWebAddress;

/// What stands in `type`, for kinds with a link. `None`: nothing to open.
fn purpose(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::ConfirmEmail => Some("confirm_email"),
        Kind::PasswordReset => Some("password_reset"),
        Kind::MagicLink => Some("magiclink"),
        Kind::EmailChange => Some("email_change"),
        Kind::Invitation => Some("invitation"),
        Kind::EmailOtp
        | Kind::NoticePasswordChanged
        | Kind::NoticeEmailChanged
        | Kind::NoticeFactorChanged
        | Kind::NoticeSignUp
        | Kind::NoticeSignInLocked
        | Kind::NoticeFactorLocked
        | Kind::NoticePasswordRemoved => None,
    }
}

/// The link of a mail; `None` for kinds without one and for mails without a token.
///
/// # Errors
/// When `redirect_to` is not an address of http or https. The database compares it with what is
/// allowed; a link that runs a script must not leave here even if that list is wrong.
pub fn link(base: &Url, order: &Order) -> Result<Option<String>, NotAWebAddress> {
    let (Some(purpose), Some(token)) = (purpose(order.kind), &order.token) else {
        return Ok(None);
    };
    let Some(target) = &order.redirect_to else {
        return Ok(Some(own_page(base, order.kind, purpose, token)));
    };
    let mut url = Url::parse(target).map_err(|_| NotAWebAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NotAWebAddress);
    }
    drop_ours(&mut url);
    url.query_pairs_mut()
        .append_pair("token", token)
        .append_pair("type", purpose);
    Ok(Some(url.into()))
}

fn own_page(base: &Url, kind: Kind, purpose: &str, token: &str) -> String {
    let mut url = base.clone();
    let page = match kind {
        Kind::PasswordReset => "reset-password",
        _ => "verify",
    };
    // An http address always has a path; Err would mean `mailto:` and the like.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["auth", page]);
    }
    let mut query = url.query_pairs_mut();
    query.append_pair("token", token);
    if kind != Kind::PasswordReset {
        query.append_pair("type", purpose);
    }
    drop(query);
    url.into()
}

/// Whoever asked for the mail may have put a token of his own into `redirect_to`, and a page may look
/// at the first one it finds. Without one the query stays byte for byte.
fn drop_ours(url: &mut Url) {
    let ours = |name: &str| matches!(name, "token" | "type");
    if !url.query_pairs().any(|(name, _)| ours(&name)) {
        return;
    }
    let others: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !ours(name))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut().clear().extend_pairs(others);
}

#[cfg(test)]
mod tests {
    use super::{NotAWebAddress, link};
    use crate::mail::order::{Kind, Order};
    use crate::mail::tests::order;
    use url::Url;

    fn to(kind: Kind, redirect_to: &str) -> Result<Option<String>, NotAWebAddress> {
        let order = Order {
            redirect_to: (!redirect_to.is_empty()).then(|| redirect_to.to_owned()),
            ..order(kind)
        };
        link(
            &Url::parse("https://app.example.com/base/").unwrap(),
            &order,
        )
    }

    #[test]
    fn each_kind_leads_to_its_own_page() {
        let verify = "https://app.example.com/base/auth/verify?token=to%2Bken&type=";
        for (kind, wanted) in [
            (Kind::ConfirmEmail, format!("{verify}confirm_email")),
            (Kind::MagicLink, format!("{verify}magiclink")),
            (Kind::EmailChange, format!("{verify}email_change")),
            (Kind::Invitation, format!("{verify}invitation")),
            (
                Kind::PasswordReset,
                "https://app.example.com/base/auth/reset-password?token=to%2Bken".to_owned(),
            ),
        ] {
            assert_eq!(to(kind, ""), Ok(Some(wanted)));
        }
        assert_eq!(to(Kind::EmailOtp, ""), Ok(None));
        assert_eq!(to(Kind::NoticeEmailChanged, "https://x.example"), Ok(None));
    }

    #[test]
    fn a_base_with_or_without_a_slash_gives_the_same_page() {
        for base in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"] {
            let base = Url::parse(base).unwrap();
            assert_eq!(
                link(&base, &order(Kind::PasswordReset)).unwrap().unwrap(),
                "http://127.0.0.1:8080/auth/reset-password?token=to%2Bken"
            );
        }
    }

    #[test]
    fn a_redirect_keeps_its_query_and_its_fragment() {
        let added = "token=to%2Bken&type=magiclink";
        for (target, wanted) in [
            ("https://x.example", format!("https://x.example/?{added}")),
            (
                "https://x.example/a",
                format!("https://x.example/a?{added}"),
            ),
            (
                "https://x.example/a?b=%20c",
                format!("https://x.example/a?b=%20c&{added}"),
            ),
            (
                "https://x.example/a?",
                format!("https://x.example/a?{added}"),
            ),
            (
                "https://x.example/a#top",
                format!("https://x.example/a?{added}#top"),
            ),
            (
                "https://x.example/a?b#/route?c=d",
                format!("https://x.example/a?b&{added}#/route?c=d"),
            ),
        ] {
            assert_eq!(to(Kind::MagicLink, target), Ok(Some(wanted)));
        }
    }

    #[test]
    fn a_token_that_stood_there_before_is_gone() {
        assert_eq!(
            to(
                Kind::PasswordReset,
                "https://x.example/?token=mine&a=b&%74ype=x"
            ),
            Ok(Some(
                "https://x.example/?a=b&token=to%2Bken&type=password_reset".to_owned()
            ))
        );
        assert_eq!(
            to(Kind::PasswordReset, "https://x.example/?token=mine"),
            Ok(Some(
                "https://x.example/?token=to%2Bken&type=password_reset".to_owned()
            ))
        );
    }

    #[test]
    fn only_web_addresses_are_linked_to() {
        for target in [
            "javascript:alert(1)",
            "/relative",
            "data:text/html,x",
            "app://x",
        ] {
            assert_eq!(to(Kind::MagicLink, target), Err(NotAWebAddress), "{target}");
        }
    }
}
