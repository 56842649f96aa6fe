//! Second factors: the codes of an authenticator app, backup codes, and codes sent by mail.
//!
//! The authenticator is TOTP (RFC 6238) with SHA-1, six digits and 30 seconds: the only parameters
//! that every app supports. SHA-1 is sound here, HMAC does not rest on its collisions
//! (RFC 4226 appendix B.2).

mod codes;
mod qr;
mod secret;

pub use codes::{backup_codes, email_code, normalize_backup_code};
pub use qr::qr_png_data_uri;
pub use secret::{SECRET_BYTES, TotpSecret};

use crate::UnixSeconds;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use totp_rs::{Builder, Secret};
use zeroize::Zeroizing;

/// How long one code is shown, in seconds.
pub const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;

/// The time step whose code this is, or `None` when the code is wrong, used up or no code at all.
///
/// The step before and the step after the present one count too: clocks differ, and typing takes
/// time. The caller stores the step as the new `last_accepted`, in the transaction that accepts the
/// code: neither this code nor one of an earlier step is accepted again (RFC 6238 section 5.2).
///
/// Spaces are dropped, apps show `123 456`. All three codes are always computed and compared.
#[must_use]
pub fn matching_step(
    secret: &TotpSecret,
    code: &str,
    now: UnixSeconds,
    last_accepted: Option<i64>,
) -> Option<i64> {
    let code = Zeroizing::new(digits(code)?);
    let totp = Builder::new()
        .with_secret(Secret::new_stack(*secret.bytes()))
        .build()
        .ok()?;
    let present = now.div_euclid(STEP_SECONDS);
    let (mut any, mut found) = (Choice::from(0), 0);
    // Upwards, the last match stays: should two steps share a code, both of them are used up by it.
    for step in present - 1..=present + 1 {
        let unused = step >= 0 && last_accepted.is_none_or(|last| step > last);
        let seconds = u64::try_from(step).unwrap_or_default() * STEP_SECONDS.unsigned_abs();
        let expected = Zeroizing::new(totp.generate(seconds).to_string());
        let same = expected.as_bytes().ct_eq(code.as_slice()) & Choice::from(u8::from(unused));
        found.conditional_assign(&step, same);
        any |= same;
    }
    bool::from(any).then_some(found)
}

/// Exactly six ASCII digits among spaces.
fn digits(code: &str) -> Option<[u8; DIGITS]> {
    let mut digits = [0; DIGITS];
    let mut typed = code.bytes().filter(|byte| *byte != b' ');
    for digit in &mut digits {
        *digit = typed.next().filter(u8::is_ascii_digit)?;
    }
    typed.next().is_none().then_some(digits)
}

#[cfg(test)]
mod tests;
