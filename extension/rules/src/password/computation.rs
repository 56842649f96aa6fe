//! The one slow step of hashes of ours, apart from what it is for, so that it can be done by somebody else.

use super::imported::Imported;
use super::phc::{self, HASH_BYTES, Phc};
use super::{Algorithm, HashError, Memory, Params, Verdict, fill};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest salt that a stored hash may have.
pub const MAX_SALT_BYTES: usize = 64;
/// What a computation gives.
pub const DIGEST_BYTES: usize = HASH_BYTES;
/// As good as the stored hash, so it does not stay in memory.
pub type Digest = Zeroizing<[u8; DIGEST_BYTES]>;

/// An argon2id computation; only the password is missing. It points to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computation {
    params: Params,
    salt: [u8; MAX_SALT_BYTES],
    salt_bytes: u8,
}

impl Computation {
    /// That of a new hash.
    #[must_use]
    pub fn of_new(salt: &[u8; 16], params: Params) -> Self {
        Self::new(salt, params)
    }

    /// What a password has to be put through to be compared with a stored hash, or with nothing when there is no user.
    /// Absent for an imported hash, which only [`super::verify`] can compute.
    ///
    /// Without a stored hash, and with an unreadable one, it is that of the current parameters, so that the time of the
    /// answer does not tell whether an address is known.
    #[must_use]
    pub fn of_stored(stored: Option<&str>, current: Params) -> Option<Self> {
        match stored.map(|stored| (Phc::read(stored), stored)) {
            Some((Ok(phc), _)) => Some(Self::new(&phc.salt, phc.params)),
            Some((Err(_), stored)) if Imported::read(stored).is_ok() => None,
            _ => Some(Self::new(&[0; 16], current)),
        }
    }

    fn new(salt: &[u8], params: Params) -> Self {
        let mut padded = [0; MAX_SALT_BYTES];
        let salt_bytes = salt.len().min(MAX_SALT_BYTES);
        padded
            .iter_mut()
            .zip(salt)
            .for_each(|(place, byte)| *place = *byte);
        Self {
            params,
            salt: padded,
            salt_bytes: salt_bytes as u8,
        }
    }

    /// What it costs.
    #[must_use]
    pub fn params(&self) -> Params {
        self.params
    }

    fn salt(&self) -> &[u8] {
        self.salt
            .get(..usize::from(self.salt_bytes))
            .unwrap_or_default()
    }

    /// The slow step. It allocates nothing but what it asks `memory` for.
    ///
    /// # Errors
    /// See [`HashError`].
    pub fn run(&self, password: &str, memory: &mut impl Memory) -> Result<Digest, HashError> {
        let mut digest = Zeroizing::new([0; DIGEST_BYTES]);
        fill(
            Algorithm::Argon2id,
            password,
            self.salt(),
            self.params,
            memory,
            digest.as_mut(),
        )?;
        Ok(digest)
    }

    /// What the digest of [`Self::of_stored`] says about the password.
    #[must_use]
    pub fn compare(stored: Option<&str>, current: Params, digest: &Digest) -> Verdict {
        match stored.map(Phc::read) {
            None => Verdict::Mismatch,
            Some(Err(_)) => Verdict::Unreadable,
            Some(Ok(phc)) if bool::from(digest.ct_eq(phc.hash.as_slice())) => Verdict::Match {
                rehash: phc.params != current,
            },
            Some(Ok(_)) => Verdict::Mismatch,
        }
    }

    /// The PHC string of the digest of [`Self::of_new`].
    #[must_use]
    pub fn written(&self, digest: &Digest) -> String {
        phc::write(self.params, self.salt(), digest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{hash, verify};
    use super::{Computation, MAX_SALT_BYTES, Params, Verdict};

    #[test]
    fn a_digest_computed_elsewhere_says_the_same_as_verify() {
        let current = Params::new(64, 1, 1).unwrap();
        let older = Params::new(32, 1, 1).unwrap();
        let mut memory = Vec::new();
        let stored = hash("right", &[7; 16], current, &mut memory).unwrap();
        let rehashed = hash("right", &[7; 16], older, &mut memory).unwrap();
        for (stored, expected) in [
            (Some(stored.as_str()), Verdict::Match { rehash: false }),
            (Some(rehashed.as_str()), Verdict::Match { rehash: true }),
            (Some("no hash"), Verdict::Unreadable),
            (None, Verdict::Mismatch),
        ] {
            let computation = Computation::of_stored(stored, current).unwrap();
            let digest = computation.run("right", &mut memory).unwrap();
            assert_eq!(Computation::compare(stored, current, &digest), expected);
            assert_eq!(
                verify("right", stored, current, &mut memory),
                Ok(expected),
                "{stored:?}"
            );
        }
        let computation = Computation::of_stored(Some(&stored), current).unwrap();
        let digest = computation.run("wrong", &mut memory).unwrap();
        assert_eq!(
            Computation::compare(Some(&stored), current, &digest),
            Verdict::Mismatch
        );
    }

    #[test]
    fn nobody_and_an_unreadable_hash_cost_what_a_new_hash_costs() {
        let current = Params::new(64, 3, 1).unwrap();
        for stored in [
            None,
            Some("no hash"),
            Some("$argon2id$v=19$m=8,t=1,p=1$short$short"),
        ] {
            let computation = Computation::of_stored(stored, current).unwrap();
            assert_eq!(computation.params(), current, "{stored:?}");
        }
    }

    #[test]
    fn imported_hashes_are_nobody_elses_to_compute() {
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuuGxjGsPzkFPjTBmR5aLmZ8w6NQkDbDGy";
        assert!(super::super::is_importable(bcrypt), "the hash of this test");
        assert_eq!(
            Computation::of_stored(Some(bcrypt), Params::default()),
            None
        );
    }

    #[test]
    fn the_longest_salt_fits() {
        let salt = [9; MAX_SALT_BYTES];
        let computation = Computation::new(&salt, Params::default());
        assert_eq!(computation.salt(), salt);
    }
}
