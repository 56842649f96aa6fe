//! The secret that a server and an authenticator app share.

use std::fmt::Write;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 160 bits, as RFC 4226 section 4 recommends.
pub const SECRET_BYTES: usize = 20;

/// The alphabet of RFC 4648 section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret of one authenticator. Wiped when dropped, and never printed by accident: it has
/// neither `Debug` nor `Display`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// Takes random bytes of the caller.
    #[must_use]
    pub const fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random)
    }

    /// Reads the stored form; `None` when it is not [`SECRET_BYTES`] long.
    #[must_use]
    pub fn from_slice(stored: &[u8]) -> Option<Self> {
        stored.try_into().ok().map(Self)
    }

    /// The stored form. Seal it first, see [`crate::sealed`].
    #[must_use]
    pub const fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// The form for typing into an app: RFC 4648 base32 without padding, 32 characters.
    #[must_use]
    pub fn base32(&self) -> String {
        let mut text = String::with_capacity(32);
        // Five bytes are eight characters, and 20 bytes are four such groups.
        for group in self.0.as_chunks::<5>().0 {
            super::codes::push_groups_of_five_bits(&mut text, group, 8, BASE32);
        }
        text
    }

    /// The address that an app reads from a QR code: `otpauth://totp/ISSUER:ACCOUNT?secret=…`.
    ///
    /// Colons are left out of both names. One separates them, and apps read `%3A` as one too.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let (issuer, account) = (encode(issuer), encode(account));
        let secret = self.base32();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}\
             &algorithm=SHA1&digits=6&period=30"
        )
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters. A space becomes `%20`: apps show the
/// `+` of HTML forms as it is.
fn encode(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes().filter(|byte| *byte != b':') {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
