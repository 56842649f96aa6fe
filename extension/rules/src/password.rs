//! Passwords: hash, verify, and the policy for new ones.
//!
//! Argon2id (RFC 9106) with the parameters of the OWASP advice: 19 MiB, two passes, one lane. The
//! memory is the caller's and asked for politely: inside PostgreSQL an allocation that fails must
//! be an error of one statement, not the end of the server.
//!
//! Hashes that other systems made (argon2 of other kinds, bcrypt) are verified too, so that an
//! import asks nobody for a new password. Each is replaced at the first sign-in. Until then its
//! sign-in takes the time of its own kind and cost, and that can differ from the time of an unknown
//! address: whoever measures can learn that the address exists and was imported. Nothing hides
//! that, short of making every sign-in as slow as the slowest import.

mod common;
mod computation;
mod forbidden;
mod imported;
mod patience;
mod phc;
mod policy;
mod turns;

pub use computation::{Computation, DIGEST_BYTES, Digest, MAX_SALT_BYTES};
pub use forbidden::ForbiddenWord;
pub use patience::{RESPITE_SECONDS, patience};
pub use phc::{Params, ParamsError};
pub use policy::{
    MAX_CHARACTERS, MIN_OWN_CHARACTERS, PasswordPolicy, PolicyBreach, check_new, check_policy,
};
pub use turns::is_core_wanted;

/// One KiB of argon2's working memory.
pub use argon2::Block;

use argon2::{Algorithm, Argon2, Version};
use imported::Imported;
use phc::{HASH_BYTES, Phc};
use thiserror::Error;

/// The working memory could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not enough memory to hash a password")]
pub struct OutOfMemory;

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// See [`OutOfMemory`].
    #[error("not enough memory to hash a password")]
    OutOfMemory,
    /// The library refused parameters that [`Params`] had allowed.
    #[error("password hashing failed")]
    Failed,
}

impl From<OutOfMemory> for HashError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// What a comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match {
        /// The stored hash was made with other parameters than the current ones, or is of another
        /// kind than ours: store a new one while the password is at hand.
        rehash: bool,
    },
    /// The password is wrong, or there was no stored hash to compare with.
    Mismatch,
    /// The stored text is no hash that may be computed. To the caller this is [`Self::Mismatch`];
    /// the log should say that a row is damaged.
    Unreadable,
}

/// Working memory, which the caller holds and lends to one hash after another. What an earlier hash left in it does no
/// harm.
pub trait Memory {
    /// At least so many blocks, of whatever content.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], OutOfMemory>;
}

impl Memory for Vec<Block> {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], OutOfMemory> {
        self.try_reserve_exact(count.saturating_sub(self.len()))
            .map_err(|_| OutOfMemory)?;
        if self.len() < count {
            self.resize(count, Block::new());
        }
        Ok(self)
    }
}

/// Sees that there is memory for a hash with these parameters.
///
/// # Errors
/// [`OutOfMemory`].
pub fn reserve(memory: &mut impl Memory, params: Params) -> Result<(), OutOfMemory> {
    memory.blocks(params.argon2(HASH_BYTES).block_count())?;
    Ok(())
}

/// Hashes a password into its PHC string (`$argon2id$v=19$m=…,t=…,p=…$salt$hash`).
///
/// # Errors
/// See [`HashError`].
pub fn hash(
    password: &str,
    salt: &[u8; 16],
    params: Params,
    memory: &mut impl Memory,
) -> Result<String, HashError> {
    let computation = Computation::of_new(salt, params);
    let digest = computation.run(password, memory)?;
    Ok(computation.written(&digest))
}

/// Compares a password with the stored hash of a user, or with nothing when there is no user.
///
/// Without a stored hash, and with an unreadable one, the same work is done with the current
/// parameters, so that the time of the answer does not tell whether an address is known. An
/// imported hash takes the time of its own kind.
///
/// # Errors
/// See [`HashError`]; it says nothing about the password.
pub fn verify(
    password: &str,
    stored: Option<&str>,
    current: Params,
    memory: &mut impl Memory,
) -> Result<Verdict, HashError> {
    if let Some(computation) = Computation::of_stored(stored, current) {
        let digest = computation.run(password, memory)?;
        return Ok(Computation::compare(stored, current, &digest));
    }
    let Some(Ok(imported)) = stored.map(Imported::read) else {
        return Ok(Verdict::Unreadable);
    };
    Ok(if imported.is_of(password, memory)? {
        Verdict::Match { rehash: true }
    } else {
        Verdict::Mismatch
    })
}

/// The parameters a stored hash was made with, to size the memory before a connection is held up.
/// On any error, size it for the current ones: that is what [`verify`] then fills, or what the new
/// hash needs that replaces a bcrypt one.
///
/// # Errors
/// [`ParamsError::NotArgon2`] for bcrypt, which has no such parameters. Any other when the text is
/// no hash that may be computed, or asks for more than [`Params`] allow.
pub fn params_of(stored: &str) -> Result<Params, ParamsError> {
    match Phc::read(stored) {
        Ok(phc) => Ok(phc.params),
        Err(_) => Imported::read(stored)?.params(),
    }
}

/// Whether a hash made elsewhere may be stored: whether [`verify`] can compute it. Hashes of ours
/// can be stored again, too.
#[must_use]
pub fn is_importable(stored: &str) -> bool {
    Phc::read(stored).is_ok() || Imported::read(stored).is_ok()
}

/// What lists of breached passwords are kept by: the SHA-1 of the password. As good as the password itself, so for
/// looking up and nothing else.
#[must_use]
pub fn list_key(password: &str) -> [u8; 20] {
    crate::crypto::sha1(password.as_bytes())
}

/// Computes an argon2 hash of the length of `digest`.
fn fill(
    algorithm: Algorithm,
    password: &str,
    salt: &[u8],
    params: Params,
    memory: &mut impl Memory,
    digest: &mut [u8],
) -> Result<(), HashError> {
    let params = params.argon2(digest.len());
    let blocks = memory.blocks(params.block_count())?;
    Argon2::new(algorithm, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), salt, digest, blocks)
        .map_err(|_| HashError::Failed)
}

#[cfg(test)]
mod tests;
