use fluxbase_rules::{SignedClaims, token::fingerprint};
use std::collections::HashMap;

type Fingerprint = [u8; 32];

/// Signatures that held, by the SHA-256 of the token; the tokens themselves are not kept.
///
/// An ES256 signature costs some 50 µs to verify, more than all the rest of a request; the digest
/// costs a quarter of one. Only a token whose signature held gets in, so a stranger cannot fill it.
/// Two generations bound it, as one look-up per hit and no list to keep in order; a change of keys
/// empties it, because a key may have been withdrawn.
pub struct Verified {
    young: HashMap<Fingerprint, SignedClaims>,
    old: HashMap<Fingerprint, SignedClaims>,
    generation: u64,
    half: usize,
}

impl Verified {
    /// Remembers at most `room` tokens.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation: 0,
            half: (room / 2).max(1),
        }
    }

    /// The claims under a signature that held with these keys. Their time is not judged.
    pub fn get(&mut self, token: &str, generation: u64) -> Option<SignedClaims> {
        if self.generation != generation {
            self.generation = generation;
            self.young.clear();
            self.old.clear();
        }
        let print = fingerprint(token)?;
        if let Some(found) = self.young.get(&print) {
            return Some(found.clone());
        }
        let found = self.old.remove(&print)?;
        self.insert(print, found.clone());
        Some(found)
    }

    /// Remembers a token whose signature held with the keys of the last [`Verified::get`].
    pub fn put(&mut self, token: &str, claims: SignedClaims) {
        if let Some(print) = fingerprint(token) {
            self.insert(print, claims);
        }
    }

    fn insert(&mut self, print: Fingerprint, claims: SignedClaims) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(print, claims);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
