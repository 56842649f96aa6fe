//! Codes that people copy by hand: backup codes, and the ones sent by mail.

/// Crockford's base32 in lower case: without i, l, o and u, which are misread.
const CROCKFORD: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 120 bits, so that a fast hash is enough (ASVS 6.5.2 asks for 112): with 50 whoever had read hashes and key found the codes
/// in a day.
const BACKUP_CHARACTERS: usize = 24;
/// Between two dashes.
const BACKUP_GROUP: usize = 4;

/// Appends `count` characters of `alphabet` for the first `5 * count` bits of `bytes`.
pub(super) fn push_groups_of_five_bits(
    text: &mut String,
    bytes: &[u8],
    count: usize,
    alphabet: &[u8; 32],
) {
    let mut bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |place| (byte >> place) & 1));
    for _ in 0..count {
        let index = bits
            .by_ref()
            .take(5)
            .fold(0, |value, bit| value << 1 | usize::from(bit));
        text.extend(alphabet.get(index).copied().map(char::from));
    }
}

/// Ten backup codes, each `xxxx-xxxx-xxxx-xxxx-xxxx-xxxx` for 15 of the random bytes.
///
/// What is stored is never a code but [`crate::sealed::SealingKey::mac`] of its
/// [normal form](normalize_backup_code).
#[must_use]
pub fn backup_codes(random: &[u8; 150]) -> [String; 10] {
    let mut codes = [const { String::new() }; 10];
    for (code, bytes) in codes.iter_mut().zip(random.as_chunks::<15>().0) {
        code.reserve_exact(BACKUP_CHARACTERS + BACKUP_CHARACTERS / BACKUP_GROUP - 1);
        push_groups_of_five_bits(code, bytes, BACKUP_CHARACTERS, CROCKFORD);
        // From the last: what stands before a dash keeps its place.
        for group in (1..BACKUP_CHARACTERS / BACKUP_GROUP).rev() {
            code.insert(group * BACKUP_GROUP, '-');
        }
    }
    codes
}

/// The one spelling of a typed backup code: 24 characters, lower case, without dashes and spaces,
/// with i and l read as 1 and o as 0. `None` for what cannot be a code.
#[must_use]
pub fn normalize_backup_code(typed: &str) -> Option<String> {
    let mut code = String::with_capacity(BACKUP_CHARACTERS);
    for byte in typed.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
        let byte = match byte.to_ascii_lowercase() {
            b'i' | b'l' => b'1',
            b'o' => b'0',
            byte => byte,
        };
        // The length is checked on the way: how long the text is was the sender's choice.
        if code.len() == BACKUP_CHARACTERS || !CROCKFORD.contains(&byte) {
            return None;
        }
        code.push(char::from(byte));
    }
    (code.len() == BACKUP_CHARACTERS).then_some(code)
}

/// Six decimal digits. Of 2^64 values a remainder favours some codes by less than one in 10^13.
///
/// A million codes are few: only a limit of tries and a short life make one safe.
#[must_use]
pub fn email_code(random: &[u8; 8]) -> String {
    format!("{:06}", u64::from_be_bytes(*random) % 1_000_000)
}
