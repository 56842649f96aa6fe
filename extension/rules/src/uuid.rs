//! UUID text, strict (RFC 9562 section 4).

/// Reads the hyphenated form (36 characters) or 32 hex digits, upper or lower case.
///
/// PostgreSQL itself reads more (`{…}`, hyphens after any group of four). Here a second spelling of
/// one identity buys nothing, so only the two forms that programs write are read.
#[must_use]
pub fn parse(text: &str) -> Option<[u8; 16]> {
    let bytes = text.as_bytes();
    let hyphenated = match bytes.len() {
        36 => true,
        32 => false,
        _ => return None,
    };
    let mut id = [0u8; 16];
    let mut input = bytes.iter();
    for (index, byte) in id.iter_mut().enumerate() {
        if hyphenated && matches!(index, 4 | 6 | 8 | 10) && input.next() != Some(&b'-') {
            return None;
        }
        *byte = (nibble(*input.next()?)? << 4) | nibble(*input.next()?)?;
    }
    Some(id)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The lower-case hyphenated form.
#[must_use]
pub fn format(id: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in id.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    text
}

/// A version 4 UUID from 16 random bytes: six bits are overwritten (RFC 9562 section 5.4).
#[must_use]
pub const fn v4(mut random: [u8; 16]) -> [u8; 16] {
    let [_, _, _, _, _, _, ref mut version, _, ref mut variant, ..] = random;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    random
}

/// A version 7 UUID: the moment it was made (seconds since 1970), then what 16 random bytes leave, 74 bits of them (RFC 9562
/// section 5.7). Ids of one time lie side by side in an index. The moment is no secret where such an id is used.
#[must_use]
pub fn v7(seconds: i64, random: [u8; 16]) -> [u8; 16] {
    let mut id = v4(random);
    let milliseconds = u64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
    let [_, _, moment @ ..] = milliseconds.to_be_bytes();
    let [a, b, c, d, e, f, version, ..] = &mut id;
    for (place, byte) in [a, b, c, d, e, f].into_iter().zip(moment) {
        *place = byte;
    }
    *version = (*version & 0x0f) | 0x70;
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

    #[test]
    fn both_forms_are_read_and_one_is_written() {
        let id = parse(TEXT).unwrap();
        assert_eq!(format(&id), TEXT);
        assert_eq!(parse(&TEXT.to_uppercase()), Some(id));
        assert_eq!(parse(&TEXT.replace('-', "")), Some(id));
    }

    #[test]
    fn any_other_spelling_is_refused() {
        for bad in [
            "",
            "f81d4fae",
            "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6 ",
            " f81d4fae-7dec-11d0-a765-00a0c91e6bf",
            "f81d4fae7-dec-11d0-a765-00a0c91e6bf6",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
            "f81d4fae-7dec-11d0-a76500a0-c91e6bf6",
            "f81d4fae+7dec+11d0+a765+00a0c91e6bf6",
            "----f81d4fae7dec11d0a76500a0c91e6bf6",
            "f81d4fae7dec11d0a76500a0c91e6bé",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn version_and_variant_are_set_whatever_the_bytes() {
        assert_eq!(format(&v4([0; 16])), "00000000-0000-4000-8000-000000000000");
        assert_eq!(
            format(&v4([255; 16])),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        // The example of RFC 9562, appendix A.6, without its milliseconds.
        let moment = 1_645_557_742;
        assert_eq!(
            format(&v7(moment, [255; 16])),
            "017f22e2-79b0-7fff-bfff-ffffffffffff"
        );
        assert_eq!(
            format(&v7(-1, [0; 16])),
            "00000000-0000-7000-8000-000000000000"
        );
    }

    #[test]
    fn ids_of_one_time_lie_side_by_side_and_are_never_the_same() {
        let texts = [(1, [9; 16]), (1, [10; 16]), (2, [0; 16]), (300, [0; 16])]
            .map(|(seconds, random)| format(&v7(seconds, random)));
        assert!(texts.is_sorted());
        assert_ne!(texts[0], texts[1]);
    }
}
