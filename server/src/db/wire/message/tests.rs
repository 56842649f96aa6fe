use super::{Key, LONGEST, Login, Malformed, Message, Standing, next};
use crate::db::wire::testing::cases;
use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

fn message(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.put_u32(u32::try_from(content.len() + 4).unwrap());
    bytes.put_slice(content);
    bytes
}

fn read(bytes: &[u8]) -> Result<Option<Message>, Malformed> {
    next(&mut BytesMut::from(bytes))
}

#[test]
fn each_message_is_read_for_what_it_is() {
    for (tag, content, expected) in [
        (b'1', &b""[..], Message::Parsed),
        (b'2', b"", Message::Bound),
        (b'3', b"", Message::Closed),
        (b'I', b"", Message::Completed),
        (b'C', b"SELECT 1\0", Message::Completed),
        (b'Z', b"I", Message::Ready(Standing::Idle)),
        (b'Z', b"T", Message::Ready(Standing::Open)),
        (b'Z', b"E", Message::Ready(Standing::Failed)),
        (b'N', b"SWARNING\0\0", Message::Aside),
        (b'A', b"\0\0\0\x01a\0b\0", Message::Aside),
        (b'S', b"a\0b\0", Message::Aside),
        (
            b'K',
            b"\0\0\0\x01\0\0\0\x02",
            Message::Key(Key {
                process: 1,
                secret: 2,
            }),
        ),
        (b'R', b"\0\0\0\0", Message::Login(Login::Welcome)),
        (
            b'R',
            b"\0\0\0\x05abcd",
            Message::Login(Login::Md5(*b"abcd")),
        ),
        (b'R', b"\0\0\0\x07", Message::Login(Login::Other(7))),
    ] {
        assert_eq!(read(&message(tag, content)), Ok(Some(expected)));
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for (bytes, expected) in [
        (b"Z\0\0\0\x03I".to_vec(), Malformed::Length),
        (b"Z\0\0\0\0I".to_vec(), Malformed::Length),
        (b"D\x40\0\0\0".to_vec(), Malformed::TooLong),
        (b"D\xff\xff\xff\xff".to_vec(), Malformed::TooLong),
        (message(b'Z', b"X"), Malformed::Content(b'Z')),
        (message(b'Z', b""), Malformed::Content(b'Z')),
        (message(b'1', b"x"), Malformed::Content(b'1')),
        (message(b'K', b"\0\0\0\x01"), Malformed::Content(b'K')),
        (message(b'R', b"\0\0\0\x05abc"), Malformed::Content(b'R')),
        (message(b'D', b"\0\x01"), Malformed::Content(b'D')),
        (message(b'E', b"C"), Malformed::Content(b'E')),
        (message(b'G', b"\0\0\0"), Malformed::Unexpected(b'G')),
        (message(b'T', b"\0\0"), Malformed::Unexpected(b'T')),
        (message(0, b""), Malformed::Unexpected(0)),
    ] {
        assert_eq!(read(&bytes), Err(expected), "{bytes:?}");
    }
}

#[test]
fn a_row_that_is_announced_and_never_comes_takes_no_memory() {
    let length = u32::try_from(LONGEST).unwrap();
    let mut arrived = BytesMut::from(&b"D"[..]);
    arrived.put_u32(length);
    arrived.put_slice(b"\0\x01");
    for _ in 0..100 {
        assert_eq!(next(&mut arrived), Ok(None));
    }
    assert!(arrived.capacity() < 1 << 20, "{}", arrived.capacity());
}

/// Everything read from these bytes, which arrive in pieces of that size.
fn all(bytes: &[u8], piece: usize) -> (Vec<Message>, Option<Malformed>) {
    let mut arrived = BytesMut::new();
    let mut messages = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        arrived.extend_from_slice(piece);
        loop {
            match next(&mut arrived) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(malformed) => return (messages, Some(malformed)),
            }
        }
    }
    (messages, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn garbage_is_refused_or_waited_for_and_never_a_crash(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = all(&bytes, bytes.len());
    }

    /// A known tag and a true length, so that contents are reached.
    #[test]
    fn content_that_is_garbage_never_crashes(
        tag in prop::sample::select(b"123DCEZKRNASI".to_vec()),
        content in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = read(&message(tag, &content));
    }

    #[test]
    fn half_messages_mean_the_same_as_whole_ones(
        parts in prop::collection::vec(
            (
                prop::sample::select(b"123DCEZKRNASI".to_vec()),
                prop_oneof![
                    Just(Vec::new()),
                    Just(b"I".to_vec()),
                    Just(b"\0\x01\0\0\0\x02ab".to_vec()),
                    Just(b"C23505\0Mx\0\0".to_vec()),
                ],
            ),
            0..12,
        ),
        piece in 1_usize..40,
    ) {
        let bytes: Vec<u8> = parts.iter().flat_map(|(tag, content)| message(*tag, content)).collect();
        prop_assert_eq!(all(&bytes, piece), all(&bytes, bytes.len()));
    }
}
