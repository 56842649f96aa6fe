//! The PHC string of an argon2 hash, and the bounds of its parameters.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use thiserror::Error;

pub(super) const HASH_BYTES: usize = 32;
const PREFIX: &str = "$argon2id$v=19$m=";

/// The cost of a hash, within bounds: whatever holds one of these can be computed.
///
/// The upper bounds also stand against the hash column itself. Whoever can write a row there could
/// otherwise ask every sign-in for 100 GB or an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

/// Why parameters, or a stored hash, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParamsError {
    /// Outside 8 KiB per lane to [`Params::MAX_MEMORY_KIB`].
    #[error("password hash memory is out of bounds")]
    Memory,
    /// Outside 1 to [`Params::MAX_ITERATIONS`].
    #[error("password hash iterations are out of bounds")]
    Iterations,
    /// Outside 1 to [`Params::MAX_PARALLELISM`].
    #[error("password hash parallelism is out of bounds")]
    Parallelism,
    /// No argon2 hash of version 19 with a salt of 8 to 64 bytes and 16 to 64 bytes of output, and
    /// no bcrypt hash that may be computed.
    #[error("stored password hash is malformed")]
    Malformed,
    /// A hash that can be verified but has no such parameters: bcrypt.
    #[error("stored password hash is not argon2")]
    NotArgon2,
}

impl Params {
    /// 1 GiB.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    /// Passes over the memory.
    pub const MAX_ITERATIONS: u32 = 64;
    /// Lanes. They are computed one after the other here: a backend has one thread.
    pub const MAX_PARALLELISM: u32 = 16;

    /// Checks the three.
    ///
    /// # Errors
    /// Names the one that is out of bounds.
    pub const fn new(
        memory_kib: u32,
        iterations: u32,
        parallelism: u32,
    ) -> Result<Self, ParamsError> {
        if parallelism < 1 || parallelism > Self::MAX_PARALLELISM {
            return Err(ParamsError::Parallelism);
        }
        if iterations < 1 || iterations > Self::MAX_ITERATIONS {
            return Err(ParamsError::Iterations);
        }
        if memory_kib < 8 * parallelism || memory_kib > Self::MAX_MEMORY_KIB {
            return Err(ParamsError::Memory);
        }
        Ok(Self {
            memory_kib,
            iterations,
            parallelism,
        })
    }

    /// Working memory in KiB.
    #[must_use]
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    #[must_use]
    pub const fn iterations(self) -> u32 {
        self.iterations
    }

    /// Lanes.
    #[must_use]
    pub const fn parallelism(self) -> u32 {
        self.parallelism
    }

    /// The bounds of `new` lie within those of the library, so its own default is never reached.
    pub(super) fn argon2(self, output: usize) -> argon2::Params {
        argon2::Params::new(
            self.memory_kib,
            self.iterations,
            self.parallelism,
            Some(output),
        )
        .unwrap_or_default()
    }
}

impl Default for Params {
    /// 19 MiB, two passes, one lane.
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
        }
    }
}

/// An argon2 hash as stored, the algorithm apart.
pub(super) struct Phc {
    pub(super) params: Params,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl Phc {
    /// Reads exactly the form [`write`] makes.
    pub(super) fn read(text: &str) -> Result<Self, ParamsError> {
        let rest = text.strip_prefix(PREFIX).ok_or(ParamsError::Malformed)?;
        Self::fields(rest).and_then(|phc| {
            if phc.hash.len() == HASH_BYTES {
                Ok(phc)
            } else {
                Err(ParamsError::Malformed)
            }
        })
    }

    /// Reads what follows `m=`, with a hash of any length; the order of the parameters is fixed by
    /// the PHC string format.
    pub(super) fn fields(rest: &str) -> Result<Self, ParamsError> {
        let (memory, rest) = rest.split_once(",t=").ok_or(ParamsError::Malformed)?;
        let (iterations, rest) = rest.split_once(",p=").ok_or(ParamsError::Malformed)?;
        let (parallelism, rest) = rest.split_once('$').ok_or(ParamsError::Malformed)?;
        let (salt, hash) = rest.split_once('$').ok_or(ParamsError::Malformed)?;
        let params = Params::new(
            decimal(memory).ok_or(ParamsError::Memory)?,
            decimal(iterations).ok_or(ParamsError::Iterations)?,
            decimal(parallelism).ok_or(ParamsError::Parallelism)?,
        )?;
        let salt = decode(salt)
            .filter(|salt| (8..=64).contains(&salt.len()))
            .ok_or(ParamsError::Malformed)?;
        let hash = decode(hash).ok_or(ParamsError::Malformed)?;
        Ok(Self { params, salt, hash })
    }
}

pub(super) fn write(params: Params, salt: &[u8], hash: &[u8; HASH_BYTES]) -> String {
    let Params {
        memory_kib,
        iterations,
        parallelism,
    } = params;
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("{PREFIX}{memory_kib},t={iterations},p={parallelism}${salt}${hash}")
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

/// Digits without sign or leading zero.
fn decimal(text: &str) -> Option<u32> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}
