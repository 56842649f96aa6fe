//! What this process knows of service keys and client keys: whose they are and how often they may ask.
//!
//! Only the database can look a key up, and asking it at every request would cost as much as the request. So what it said
//! is kept until any key changes (`fluxbase_key_limits`), under the SHA-256 of the key. It decides how a request is
//! counted and nothing else: whether the key still opens anything is asked at every request.

use super::rules::KnownKey;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Fingerprint = [u8; 32];

/// Only keys that exist get in, so nobody can fill it from outside.
const MOST: usize = 10_000;

/// Keys the database has vouched for.
#[derive(Default)]
pub struct KnownKeys(Mutex<Known>);

#[derive(Default)]
struct Known {
    keys: HashMap<Fingerprint, KnownKey>,
    /// How often everything was forgotten.
    generation: u64,
}

impl KnownKeys {
    fn lock(&self) -> MutexGuard<'_, Known> {
        // A thread that panicked here left whole entries.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key, if it is known, and else the generation that an answer of the database will belong to.
    ///
    /// # Errors
    /// The generation, to be given back to [`KnownKeys::put`].
    pub fn get(&self, key: &Fingerprint) -> Result<KnownKey, u64> {
        let known = self.lock();
        known.keys.get(key).copied().ok_or(known.generation)
    }

    /// Remembers what the database said, unless keys have changed since it was asked.
    pub fn put(&self, key: Fingerprint, is: KnownKey, generation: u64) {
        let mut known = self.lock();
        if known.generation != generation {
            return;
        }
        if known.keys.len() >= MOST {
            known.keys.clear();
        }
        known.keys.insert(key, is);
    }

    /// A key has changed.
    pub fn forget(&self) {
        let mut known = self.lock();
        known.keys.clear();
        known.generation = known.generation.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownKeys, MOST};
    use crate::limit::rules::KnownKey;

    fn key(id: u8) -> KnownKey {
        KnownKey {
            id: [id; 16],
            owner: None,
            per_minute: Some(5),
            per_hour: None,
        }
    }

    #[test]
    fn an_answer_from_before_a_change_is_not_kept() {
        let known = KnownKeys::default();
        let asked = known.get(&[1; 32]).unwrap_err();
        known.forget();
        known.put([1; 32], key(1), asked);
        let now = known.get(&[1; 32]).unwrap_err();
        assert_ne!(now, asked);
        known.put([1; 32], key(1), now);
        assert_eq!(known.get(&[1; 32]), Ok(key(1)));
        known.forget();
        assert!(known.get(&[1; 32]).is_err());
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let known = KnownKeys::default();
        for number in 0..=MOST {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            known.put(hash, key(1), 0);
            assert_eq!(known.get(&hash), Ok(key(1)));
            assert!(known.lock().keys.len() <= MOST);
        }
    }
}
