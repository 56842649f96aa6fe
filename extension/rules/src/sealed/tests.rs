//! What is sealed opens for its key and context only.

use super::*;
use proptest::prelude::*;

fn key(byte: u8) -> SealingKey {
    SealingKey::new([byte; 32]).unwrap()
}

fn sealed() -> Vec<u8> {
    key(1)
        .seal([9; 12], "totp:ann", b"twenty secret bytes!")
        .unwrap()
}

#[test]
fn the_form_is_version_nonce_ciphertext_tag() {
    let sealed = sealed();
    assert_eq!(sealed.len(), 1 + 12 + 20 + 16);
    assert_eq!(sealed[0], 1);
    assert_eq!(sealed[1..13], [9; 12]);
    assert!(!sealed.windows(4).any(|window| window == b"secr"));
}

#[test]
fn it_opens_for_its_key_and_context() {
    let plain = key(1).open("totp:ann", &sealed()).unwrap();
    assert_eq!(plain.as_slice(), b"twenty secret bytes!");
}

#[test]
fn another_context_is_refused() {
    for context in ["totp:bob", "totp:an", "totp:ann ", "TOTP:ann", ""] {
        assert!(key(1).open(context, &sealed()).is_none(), "{context:?}");
    }
}

#[test]
fn another_key_is_refused() {
    assert!(key(2).open("totp:ann", &sealed()).is_none());
}

#[test]
fn every_flipped_bit_is_refused() {
    let sealed = sealed();
    for place in 0..sealed.len() * 8 {
        let mut flipped = sealed.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        assert!(key(1).open("totp:ann", &flipped).is_none(), "bit {place}");
    }
}

#[test]
fn every_truncation_and_any_addition_is_refused() {
    let mut sealed = sealed();
    for length in 0..sealed.len() {
        assert!(
            key(1).open("totp:ann", &sealed[..length]).is_none(),
            "{length}"
        );
    }
    sealed.push(0);
    assert!(key(1).open("totp:ann", &sealed).is_none());
}

/// The three values as Python's `cryptography` computes them from the same root key.
#[test]
fn the_construction_is_the_documented_one() {
    let key = SealingKey::new(std::array::from_fn(|place| u8::try_from(place).unwrap())).unwrap();
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    assert_eq!(
        hex(&key.seal([7; 12], "totp:ann", b"plain").unwrap()),
        "0107070707070707070707070743a3ee3846037b78b85b5afc67cea103ab3e02d120"
    );
    assert_eq!(
        hex(&key.mac("backup:ann", b"0123456789")),
        "6bbd2ea395133706eac8795c2389cfc94af8618561a2f9703c0833355a1439ce"
    );
    assert_eq!(key.id(), "4f4f3687f70d9313");
}

#[test]
fn a_fingerprint_depends_on_key_context_and_message() {
    let mac = key(1).mac("backup:ann", b"0123456789");
    assert_eq!(mac, key(1).mac("backup:ann", b"0123456789"));
    assert_ne!(mac, key(1).mac("backup:bob", b"0123456789"));
    assert_ne!(mac, key(1).mac("backup:ann", b"0123456788"));
    assert_ne!(mac, key(2).mac("backup:ann", b"0123456789"));
    // The border between the two is part of it.
    assert_ne!(key(1).mac("ab", b"c"), key(1).mac("a", b"bc"));
    assert_ne!(key(1).mac("", b"abc"), key(1).mac("abc", b""));
}

#[test]
fn the_name_of_a_key_says_which_it_is_and_no_more() {
    let id = key(1).id();
    assert_eq!(id.len(), 16);
    assert!(
        id.bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    );
    assert_ne!(id, key(2).id());
    let root = crypto::sha256(&[1; 32]).unwrap();
    let plain: String = root
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_ne!(id, plain, "not of the key itself");
}

proptest! {
    #[test]
    fn whatever_is_sealed_comes_back(
        root in any::<[u8; 32]>(), nonce in any::<[u8; 12]>(), context in ".{0,40}",
        plain in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let key = SealingKey::new(root).unwrap();
        let sealed = key.seal(nonce, &context, &plain).unwrap();
        let opened = key.open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plain.as_slice());
    }

    #[test]
    fn nothing_made_up_opens(garbage in proptest::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(key(1).open("totp:ann", &garbage).is_none());
    }
}
