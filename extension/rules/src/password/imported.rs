//! Hashes that other systems made: bcrypt, and argon2 of all three kinds.
//!
//! bcrypt looks at the first 72 bytes of a password only. Here it is compared the same way, so such
//! an import lets in whoever knows the first 72 bytes, as the system before did, until the sign-in
//! that replaces the hash. What replaces it is made of the whole password that was typed then.

use super::phc::{Params, ParamsError, Phc};
use super::{HashError, Memory, fill};
use argon2::Algorithm;
use base64::engine::GeneralPurposeConfig;
use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::GeneralPurpose};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Cost 14 is about a second. One more doubles it, and whoever can write the hash column could ask
/// every sign-in for hours.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// All that bcrypt takes of a password and the NUL after it.
const BCRYPT_INPUT_BYTES: usize = 72;
const HASH_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// bcrypt's own base64. 16 and 23 bytes leave bits over in the last character; some implementations
/// wrote chance into them, and all ignore them.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A hash of another system, read and within bounds.
pub(super) enum Imported {
    Argon2 {
        algorithm: Algorithm,
        phc: Phc,
    },
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        hash: [u8; 23],
    },
}

impl Imported {
    pub(super) fn read(text: &str) -> Result<Self, ParamsError> {
        for (prefix, algorithm) in [
            ("$argon2id$v=19$m=", Algorithm::Argon2id),
            ("$argon2i$v=19$m=", Algorithm::Argon2i),
            ("$argon2d$v=19$m=", Algorithm::Argon2d),
        ] {
            if let Some(rest) = text.strip_prefix(prefix) {
                let phc = Phc::fields(rest)?;
                return if HASH_LENGTHS.contains(&phc.hash.len()) {
                    Ok(Self::Argon2 { algorithm, phc })
                } else {
                    Err(ParamsError::Malformed)
                };
            }
        }
        read_bcrypt(text).ok_or(ParamsError::Malformed)
    }

    /// [`ParamsError::NotArgon2`] for bcrypt.
    pub(super) fn params(&self) -> Result<Params, ParamsError> {
        match self {
            Self::Argon2 { phc, .. } => Ok(phc.params),
            Self::Bcrypt { .. } => Err(ParamsError::NotArgon2),
        }
    }

    /// Compares in constant time; bcrypt needs none of the memory.
    pub(super) fn is_of(
        &self,
        password: &str,
        memory: &mut impl Memory,
    ) -> Result<bool, HashError> {
        match self {
            Self::Argon2 { algorithm, phc } => {
                let mut computed = Zeroizing::new(vec![0; phc.hash.len()]);
                fill(
                    *algorithm,
                    password,
                    &phc.salt,
                    phc.params,
                    memory,
                    &mut computed,
                )?;
                Ok(bool::from(computed.ct_eq(&phc.hash)))
            }
            Self::Bcrypt { cost, salt, hash } => {
                let computed = Zeroizing::new(bcrypt(*cost, *salt, password));
                // bcrypt repeats its input with the NUL after it, so `a` and `a\0a` look the same.
                // Nobody's password holds a NUL: the policy refuses it.
                let no_nul = Choice::from(u8::from(!password.contains('\0')));
                let computed = computed.get(..hash.len()).unwrap_or_default();
                Ok(bool::from(computed.ct_eq(hash) & no_nul))
            }
        }
    }
}

/// `$2a$`, `$2b$` or `$2y$`: three names of one algorithm, since errors in old implementations were
/// told apart by them. `$2x$` marks hashes made by such an error, and is refused.
fn read_bcrypt(text: &str) -> Option<Imported> {
    let rest = ["$2a$", "$2b$", "$2y$"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    let (cost, rest) = rest.split_once('$')?;
    let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
    let cost = cost.parse().ok().filter(|_| digits)?;
    if !BCRYPT_COSTS.contains(&cost) || rest.len() != 22 + 31 {
        return None;
    }
    let (salt, hash) = rest.split_at_checked(22)?;
    Some(Imported::Bcrypt {
        cost,
        salt: BCRYPT_BASE64.decode(salt).ok()?.try_into().ok()?,
        hash: BCRYPT_BASE64.decode(hash).ok()?.try_into().ok()?,
    })
}

/// Of the 24 bytes only the first 23 are ever stored.
fn bcrypt(cost: u32, salt: [u8; 16], password: &str) -> [u8; 24] {
    let mut input = Zeroizing::new([0; BCRYPT_INPUT_BYTES]);
    for (to, from) in input.iter_mut().zip(password.bytes()) {
        *to = from;
    }
    // With its NUL where that fits: from 72 bytes on there is none.
    let length = BCRYPT_INPUT_BYTES.min(password.len() + 1);
    ::bcrypt::bcrypt(cost, salt, input.get(..length).unwrap_or(&*input))
}

#[cfg(test)]
mod tests;
