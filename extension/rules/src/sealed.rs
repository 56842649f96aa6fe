//! Sealing of stored secrets: who reads or copies the table, without the key, learns nothing and
//! can move nothing to another row.
//!
//! One root key gives three: for encryption (AES-256-GCM), for fingerprints (HMAC-SHA-256) and for
//! its own name, by HKDF-SHA-256 (RFC 5869) with a text for each. So no output of one use helps
//! against another.

use crate::crypto;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

/// Written first, so that another way of sealing can be told apart later.
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;
const HEADER_BYTES: usize = 1 + NONCE_BYTES;
const TAG_BYTES: usize = 16;

type Key = Zeroizing<[u8; 32]>;

/// The keys that seal. Wiped when dropped, and without `Debug`.
pub struct SealingKey {
    encryption: Key,
    fingerprint: Key,
    id: String,
}

impl SealingKey {
    /// Takes the root key, 32 random bytes, and keeps only what it derives from it. `None` only if
    /// the library fails.
    #[must_use]
    pub fn new(root: [u8; 32]) -> Option<Self> {
        let root = Zeroizing::new(root);
        let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, b"fluxbase sealed 1").extract(&*root);
        let derive = |purpose: &str| {
            let mut key = Key::default();
            derived
                .expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
                .and_then(|output| output.fill(key.as_mut_slice()))
                .ok()
                .map(|()| key)
        };
        let named = crypto::sha256(derive("id")?.as_slice())?;
        Some(Self {
            encryption: derive("encryption")?,
            fingerprint: derive("fingerprint")?,
            id: named
                .iter()
                .take(8)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        })
    }

    /// Seals: a version byte, the nonce, then ciphertext and tag. `None` only if the library fails.
    ///
    /// `context` says what is sealed and for whom (`totp:<user id>`); only the same text opens it.
    /// The nonce is 12 fresh random bytes each time: two texts sealed under one nonce give each
    /// other away. Random ones do for 2^32 seals under one key (NIST SP 800-38D section 8.3).
    #[must_use]
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], context: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let capacity = HEADER_BYTES + plain.len() + TAG_BYTES;
        // Until it is encrypted in place this holds the plain text: wiped should that fail.
        let mut sealed = Zeroizing::new(Vec::with_capacity(capacity));
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                sealed.get_mut(HEADER_BYTES..)?,
            )
            .ok()?;
        sealed.extend_from_slice(tag.as_ref());
        Some(std::mem::take(&mut *sealed))
    }

    /// Opens what [`seal`](Self::seal) made under this key and context. `None` for anything else,
    /// without saying what is wrong with it.
    #[must_use]
    pub fn open(&self, context: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>()?;
        if *version != VERSION {
            return None;
        }
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .cipher()?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context.as_bytes()),
                &mut body,
            )
            .ok()?
            .len();
        body.truncate(length);
        Some(body)
    }

    /// A fingerprint to look a secret up by, or to compare it with: HMAC-SHA-256. The same message
    /// under another context has another one. Compare in constant time.
    #[must_use]
    pub fn mac(&self, context: &str, message: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.fingerprint.as_slice());
        let mut mac = hmac::Context::with_key(&key);
        // The length first: no part of a message can pass for a part of its context.
        mac.update(&(context.len() as u64).to_be_bytes());
        mac.update(context.as_bytes());
        mac.update(message);
        let mut fingerprint = [0; 32];
        // Both are 32 bytes, so every byte is written.
        for (to, from) in fingerprint.iter_mut().zip(mac.sign().as_ref()) {
            *to = *from;
        }
        fingerprint
    }

    /// The name of the key, 16 hexadecimal digits. It may be stored beside what the key sealed and
    /// shown to anyone: it is made from a derived value that serves for nothing else.
    #[must_use]
    pub fn id(&self) -> String {
        self.id.clone()
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.encryption.as_slice())
            .ok()
            .map(LessSafeKey::new)
    }
}

#[cfg(test)]
mod tests;
