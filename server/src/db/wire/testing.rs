//! For the tests: callers, requests, and what a server may say.

use crate::authenticate::{Keys, Verified, authenticate};
use crate::caller::Caller;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::{BufMut, BytesMut};
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement;
use fluxbase_rules::{Expected, Keyring};

/// A caller with the service key `sk_…` that ends in this digit, or nobody.
pub fn caller(key: Option<char>) -> Caller {
    let mut headers = HeaderMap::new();
    if let Some(last) = key {
        let value = HeaderValue::from_str(&format!("sk_{}{last}", "a".repeat(42))).unwrap();
        headers.append(HeaderName::from_static("apikey"), value);
    }
    let keys = Keys {
        ring: Keyring::new(),
        expected: Expected {
            issuer: "fluxbase".into(),
            audience: "fluxbase".into(),
            leeway_seconds: 0,
        },
        generation: 1,
    };
    authenticate(&headers, None, 1_700_000_000, &keys, &mut Verified::new(8)).unwrap()
}

/// A statement that reads, or writes.
pub fn statement(sql: &str, access: Access, params: &[&str]) -> Statement {
    let params = params.iter().map(|text| (*text).to_owned()).collect();
    Statement::of_text(sql.to_owned(), params, access)
}

/// One message of a server.
pub fn message(tag: u8, content: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    bytes.put_u8(tag);
    bytes.put_u32(u32::try_from(content.len() + 4).unwrap());
    bytes.put_slice(content);
    bytes
}

/// A row of one column.
pub fn row(text: &[u8]) -> BytesMut {
    let mut content = BytesMut::from(&b"\0\x01"[..]);
    content.put_u32(u32::try_from(text.len()).unwrap());
    content.put_slice(text);
    message(b'D', &content)
}

/// The tags of the messages in `bytes`, and what each holds.
pub fn taken_apart(mut bytes: &[u8]) -> Vec<(char, Vec<u8>)> {
    let mut messages = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let (content, behind) = rest.split_at(usize::try_from(length).unwrap() - 4);
        messages.push((char::from(head[0]), content.to_vec()));
        bytes = behind;
    }
    messages
}

/// What is said after a login that nobody had to prove.
pub fn greeting() -> Vec<u8> {
    let mut bytes = message(b'R', b"\0\0\0\0");
    bytes.extend_from_slice(&message(b'S', b"server_version\x0015\0"));
    bytes.extend_from_slice(&message(b'K', b"\0\0\0\x01\0\0\0\x02"));
    bytes.extend_from_slice(&message(b'Z', b"I"));
    bytes.to_vec()
}

/// An answer to what parses, enters and runs one statement for the first time, and then says ready.
pub fn first_answer(text: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for row_text in [&b""[..], text] {
        bytes.extend_from_slice(&message(b'1', b""));
        bytes.extend_from_slice(&message(b'2', b""));
        bytes.extend_from_slice(&row(row_text));
        bytes.extend_from_slice(&message(b'C', b"SELECT 1\0"));
    }
    bytes.extend_from_slice(&message(b'Z', b"I"));
    bytes.to_vec()
}

/// How many random inputs are tried: `PROPTEST_CASES` for a long run by hand, and enough for every day.
pub fn cases() -> u32 {
    let given = std::env::var("PROPTEST_CASES").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(4096)
}
