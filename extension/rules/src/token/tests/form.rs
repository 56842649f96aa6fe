//! Attacks on the outer form: parts, alphabet, length.

use super::*;

#[test]
fn a_token_of_other_than_three_parts_is_refused() {
    let token = with_payload(payload());
    let parts: Vec<&str> = token.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    for text in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        format!("{header}.{body}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{header}..{body}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{body}.{signature}"),
        // The five parts of an encrypted token.
        format!("{header}.{body}.{signature}.{body}.{signature}"),
    ] {
        refused(&text, Refusal::NotThreeParts);
    }
    allowed(&token);
}

#[test]
fn whitespace_around_or_inside_is_refused() {
    let token = with_payload(payload());
    for space in [" ", "\n", "\r\n", "\t", "\0", "\u{a0}", "\u{feff}"] {
        assert!(
            enter(&format!("{space}{token}")).is_err(),
            "{space:?} before"
        );
        assert!(
            enter(&format!("{token}{space}")).is_err(),
            "{space:?} after"
        );
        assert!(
            enter(&token.replace('.', &format!("{space}."))).is_err(),
            "{space:?} before a dot"
        );
        assert!(
            enter(&token.replace('.', &format!(".{space}"))).is_err(),
            "{space:?} after a dot"
        );
    }
    for decorated in [format!("\"{token}\""), format!("Bearer {token}")] {
        refused(&decorated, Refusal::NotBase64Url(Part::Header));
    }
    allowed(&token);
}

#[test]
fn padding_is_refused() {
    // All three remainders of the payload's length, so that padding is wanted and not wanted.
    for filler in ["", "x", "xx"] {
        let token = with_payload(payload_with(&format!(
            r#","iss":"fluxbase","f":"{filler}""#
        )));
        allowed(&token);
        let parts: Vec<&str> = token.split('.').collect();
        for pad in ["=", "==", "%3D"] {
            refused(
                &format!("{token}{pad}"),
                Refusal::NotBase64Url(Part::Signature),
            );
            refused(
                &format!("{}{pad}.{}.{}", parts[0], parts[1], parts[2]),
                Refusal::NotBase64Url(Part::Header),
            );
            // The payload is decoded only under a good signature: without one this is all it says.
            refused(
                &format!("{}.{}{pad}.{}", parts[0], parts[1], parts[2]),
                Refusal::BadSignature,
            );
            // Even the holder of the secret cannot sign a padded payload.
            let signed = format!("{}.{}{pad}", parts[0], parts[1]);
            let material = jsonwebtoken::EncodingKey::from_secret(SECRET);
            let signature = crypto::Signer::new(&jsonwebtoken::Algorithm::HS256, &material)
                .unwrap()
                .sign(signed.as_bytes())
                .unwrap();
            refused(
                &format!("{signed}.{}", b64(signature)),
                Refusal::NotBase64Url(Part::Payload),
            );
        }
    }
}

#[test]
fn a_non_canonical_last_character_is_refused() {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for token in [
        with_payload(payload()),
        signing_key(7).sign(&payload()).unwrap(),
    ] {
        allowed(&token);
        let (rest, last) = token.split_at(token.len() - 1);
        for other in alphabet.chars().filter(|other| !last.contains(*other)) {
            assert!(
                enter(&format!("{rest}{other}")).is_err(),
                "{last} → {other}"
            );
        }
    }
}

#[test]
fn the_other_base64_alphabet_is_refused() {
    let token = (0..200)
        .map(|n| with_payload(payload_with(&format!(r#","n":{n}"#))))
        .find(|token| token.rsplit_once('.').unwrap().1.contains(['-', '_']))
        .unwrap();
    allowed(&token);
    refused(
        &token.replace('-', "+").replace('_', "/"),
        Refusal::NotBase64Url(Part::Signature),
    );
}

#[test]
fn a_truncated_token_is_refused_at_every_length() {
    for token in [
        with_payload(payload()),
        signing_key(7).sign(&payload()).unwrap(),
    ] {
        for end in 0..token.len() {
            assert!(enter(&token[..end]).is_err(), "{end}");
        }
        allowed(&token);
    }
}

#[test]
fn an_oversized_token_is_refused_before_anything_is_read() {
    let filler = |bytes: usize| {
        with_payload(payload_with(&format!(
            r#","iss":"fluxbase","f":"{}""#,
            "f".repeat(bytes)
        )))
    };
    let bytes = (5000..7000)
        .find(|bytes| filler(*bytes).len() > MAX_BYTES)
        .unwrap();
    refused(&filler(bytes), Refusal::TooLong);
    allowed(&filler(bytes - 1));
    refused(&".".repeat(MAX_BYTES + 1), Refusal::TooLong);
}

#[test]
fn a_header_that_is_no_object_is_refused() {
    for (header, fault) in [
        ("[]", JsonFault::NotAnObject),
        (r#"["alg","HS256"]"#, JsonFault::NotAnObject),
        (r#""alg""#, JsonFault::NotAnObject),
        ("null", JsonFault::NotAnObject),
        ("1", JsonFault::NotAnObject),
        ("{", JsonFault::Syntax),
        ("{}{}", JsonFault::Syntax),
        (r#"{"alg":"HS256"},"#, JsonFault::Syntax),
        (r#"{"alg":"HS256",}"#, JsonFault::Syntax),
        (r#"{'alg':'HS256'}"#, JsonFault::Syntax),
        (r#"{alg:"HS256"}"#, JsonFault::Syntax),
        (r#"{"alg":"HS256"}/**/"#, JsonFault::Syntax),
        ("\u{feff}{\"alg\":\"HS256\"}", JsonFault::Syntax),
    ] {
        refused(&with_header(header), Refusal::Json(Part::Header, fault));
    }
}
