//! E-mail addresses: one spelling per mailbox, and nothing that could leave its place in a header.

use std::fmt;
use thiserror::Error;

/// Longest address that fits an SMTP path (RFC 5321 section 4.5.3.1.3, less the two brackets).
pub const MAX_BYTES: usize = 254;

/// A checked address: ASCII, lower case, no space, no control character.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no address. The text itself is never part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EmailRefusal {
    /// Nothing, or only spaces.
    #[error("e-mail address is missing")]
    Empty,
    /// More than [`MAX_BYTES`], or more than 64 before the `@` (RFC 5321 section 4.5.3.1.1).
    #[error("e-mail address is too long")]
    TooLong,
    /// NUL, line break, tab or another control character: the way into a mail header.
    #[error("e-mail address contains a control character")]
    ControlCharacter,
    /// Two letters of different scripts can look alike; international domains come as `xn--…`.
    #[error("e-mail address contains a character outside ASCII")]
    NotAscii,
    /// Not exactly one `@`.
    #[error("e-mail address needs exactly one @")]
    AtSign,
    /// Quoted forms, comments, empty parts, characters outside RFC 5322 atext.
    #[error("the part before the @ is not valid")]
    LocalPart,
    /// Empty labels, hyphens at an end, characters outside letters, digits and hyphen.
    #[error("the domain of the e-mail address is not valid")]
    Domain,
}

/// Trims spaces, lowers the case and checks.
///
/// The whole address is lowered, although RFC 5321 leaves the case of the local part to the
/// receiving host: no mail service in use tells `Ann@` from `ann@`, and two accounts that differ
/// only there are an impersonation.
///
/// # Errors
/// See [`EmailRefusal`].
pub fn normalize(text: &str) -> Result<Email, EmailRefusal> {
    if text.chars().any(char::is_control) {
        return Err(EmailRefusal::ControlCharacter);
    }
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return Err(EmailRefusal::Empty);
    }
    if !text.is_ascii() {
        return Err(EmailRefusal::NotAscii);
    }
    if text.len() > MAX_BYTES {
        return Err(EmailRefusal::TooLong);
    }
    let (local, domain) = text.split_once('@').ok_or(EmailRefusal::AtSign)?;
    if domain.contains('@') {
        return Err(EmailRefusal::AtSign);
    }
    if local.len() > 64 {
        return Err(EmailRefusal::TooLong);
    }
    if !local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
    {
        return Err(EmailRefusal::LocalPart);
    }
    if !domain.split('.').all(is_label) {
        return Err(EmailRefusal::Domain);
    }
    Ok(Email(text.to_ascii_lowercase()))
}

/// RFC 5322 section 3.2.3.
const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// RFC 1034 section 3.5, with a leading digit allowed (RFC 1123 section 2.1).
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_mailbox_has_one_spelling() {
        for text in ["ann@example.com", "  Ann@Example.COM ", "ANN@EXAMPLE.COM"] {
            assert_eq!(normalize(text).unwrap().as_str(), "ann@example.com");
        }
        for text in [
            "a.b+tag@sub.example.co",
            "o'neil@x.io",
            "x_y@localhost",
            "1@2.3.4.com",
            "a{b}|~^`c@xn--bcher-kva.ch",
        ] {
            assert_eq!(normalize(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_line_break_cannot_carry_a_mail_header() {
        for text in [
            "a@example.com\nBcc: b@example.com",
            "a@example.com\r\n",
            "\na@example.com",
            "a\0@example.com",
            "a\t@example.com",
            "a@example.com\u{85}",
        ] {
            assert_eq!(
                normalize(text),
                Err(EmailRefusal::ControlCharacter),
                "{text:?}"
            );
        }
    }

    #[test]
    fn look_alike_letters_are_refused() {
        for text in [
            "\u{430}dmin@example.com",
            "admin@ex\u{430}mple.com",
            "\u{212a}@example.com",
            "a@example.com\u{200b}",
            "\u{a0}a@example.com",
        ] {
            assert_eq!(normalize(text), Err(EmailRefusal::NotAscii), "{text:?}");
        }
    }

    #[test]
    fn every_other_malformed_address_is_refused() {
        use EmailRefusal as R;
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", ["b".repeat(60).as_str(); 5].join("."));
        let long_label = format!("a@{}.com", "b".repeat(64));
        for (text, refusal) in [
            ("", R::Empty),
            ("   ", R::Empty),
            ("example.com", R::AtSign),
            ("a@b@example.com", R::AtSign),
            ("@example.com", R::LocalPart),
            (".a@example.com", R::LocalPart),
            ("a.@example.com", R::LocalPart),
            ("a..b@example.com", R::LocalPart),
            ("\"a b\"@example.com", R::LocalPart),
            ("a b@example.com", R::LocalPart),
            ("a(comment)@example.com", R::LocalPart),
            ("a,b@example.com", R::LocalPart),
            ("<a@example.com>", R::LocalPart),
            ("a@", R::Domain),
            ("a@.com", R::Domain),
            ("a@example..com", R::Domain),
            ("a@example.com.", R::Domain),
            ("a@-example.com", R::Domain),
            ("a@example-.com", R::Domain),
            ("a@[127.0.0.1]", R::Domain),
            ("a@exam ple.com", R::Domain),
            ("a@example.com>", R::Domain),
            (&long_local, R::TooLong),
            (&long, R::TooLong),
            (&long_label, R::Domain),
        ] {
            assert_eq!(normalize(text), Err(refusal), "{text}");
        }
        assert!(normalize(&format!("{}@example.com", "a".repeat(64))).is_ok());
        assert!(normalize(&format!("a@{}.com", "b".repeat(63))).is_ok());
    }

    proptest! {
        #[test]
        fn what_passes_is_plain_and_stable(text in "[ -~]{0,40}|[a-zA-Z.]{1,9}@[a-zA-Z.-]{1,12}|\\PC{0,20}") {
            if let Ok(email) = normalize(&text) {
                prop_assert!(email.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(normalize(email.as_str()), Ok(email.clone()));
            }
        }
    }
}
