//! Attacks on the ES256 signature itself, and on what only our own keys may leave out.

use super::*;

/// A token of key 7 with its signature replaced.
fn with_signature(change: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let token = signing_key(7).sign(&payload()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    format!(
        "{signed}.{}",
        b64(change(&URL_SAFE_NO_PAD.decode(signature).unwrap()))
    )
}

/// The order of P-256, big-endian (SP 800-186 section 3.2.1.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
    0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn order_minus(s: &[u8]) -> Vec<u8> {
    let mut difference = vec![0; 32];
    let mut borrow = 0i16;
    for index in (0..32).rev() {
        let digit = i16::from(ORDER[index]) - i16::from(s[index]) - borrow;
        borrow = i16::from(digit < 0);
        difference[index] = (digit & 255) as u8;
    }
    difference
}

/// CVE-2022-21449: r = s = 0 verified for every message in one well-known library.
#[test]
fn a_zero_ecdsa_signature_is_refused() {
    allowed(&with_signature(<[u8]>::to_vec));
    refused(&with_signature(|_| vec![0; 64]), Refusal::BadSignature);
    refused(
        &with_signature(|good| [&[0; 32], &good[32..]].concat()),
        Refusal::BadSignature,
    );
    refused(
        &with_signature(|good| [&good[..32], &[0; 32]].concat()),
        Refusal::BadSignature,
    );
    refused(
        &with_signature(|_| [ORDER, ORDER].concat()),
        Refusal::BadSignature,
    );
    refused(&with_signature(|_| vec![255; 64]), Refusal::BadSignature);
}

/// RFC 7518 section 3.4 wants the two integers side by side; DER is the form of X.509.
#[test]
fn a_signature_in_der_is_refused() {
    fn integer(bytes: &[u8]) -> Vec<u8> {
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(31);
        let mut body = bytes[start..].to_vec();
        if body[0] >= 128 {
            body.insert(0, 0);
        }
        [vec![2, body.len() as u8], body].concat()
    }
    refused(
        &with_signature(|good| {
            let body = [integer(&good[..32]), integer(&good[32..])].concat();
            [vec![0x30, body.len() as u8], body].concat()
        }),
        Refusal::SignatureLength,
    );
    refused(
        &with_signature(|good| good[..63].to_vec()),
        Refusal::SignatureLength,
    );
    refused(
        &with_signature(|good| [good, &[0]].concat()),
        Refusal::SignatureLength,
    );
}

/// Allowed, and known: from (r, s) anyone can compute the valid twin (r, n - s). RFC 7518 does not
/// ask for low s, and other signers produce high s half of the time. Nothing here may therefore take
/// the text of a token for its identity: revocation goes by `jti` and session, and a cache keyed by
/// text only verifies the twin a second time.
#[test]
fn the_high_s_twin_of_a_signature_is_the_same_token() {
    let token = signing_key(7).sign(&payload()).unwrap();
    let twin = with_signature(|good| [&good[..32], &order_minus(&good[32..])].concat());
    assert_ne!(token, twin);
    assert_eq!(allowed(&twin), allowed(&token));
}

#[test]
fn swapped_halves_are_refused() {
    refused(
        &with_signature(|good| [&good[32..], &good[..32]].concat()),
        Refusal::BadSignature,
    );
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let (ours, other) = (signing_key(7), signing_key(9));
    let token = other.sign(&payload()).unwrap();
    refused(&token, Refusal::UnknownKey);
    // The other key under our key's id.
    let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"JWT"}}"#, ours.kid());
    let signed = format!("{}.{}", b64(header), b64(payload()));
    let material = jsonwebtoken::EncodingKey::from_ec_der(&other.to_pkcs8());
    let signature = crypto::Signer::new(&jsonwebtoken::Algorithm::ES256, &material)
        .unwrap()
        .sign(signed.as_bytes())
        .unwrap();
    refused(
        &format!("{signed}.{}", b64(signature)),
        Refusal::BadSignature,
    );
}

#[test]
fn an_es256_token_without_kid_is_refused() {
    let signed = format!(
        "{}.{}",
        b64(r#"{"alg":"ES256","typ":"JWT"}"#),
        b64(payload())
    );
    let material = jsonwebtoken::EncodingKey::from_ec_der(&signing_key(7).to_pkcs8());
    let signature = crypto::Signer::new(&jsonwebtoken::Algorithm::ES256, &material)
        .unwrap()
        .sign(signed.as_bytes())
        .unwrap();
    refused(&format!("{signed}.{}", b64(signature)), Refusal::UnknownKey);
}

#[test]
fn a_moved_payload_or_header_is_refused() {
    let key = signing_key(7);
    let user = key.sign(&payload()).unwrap();
    let admin = key
        .sign(&payload().replace("authenticated", "service_role"))
        .unwrap();
    let (user, admin): (Vec<&str>, Vec<&str>) =
        (user.split('.').collect(), admin.split('.').collect());
    refused(
        &[user[0], admin[1], user[2]].join("."),
        Refusal::BadSignature,
    );
    allowed(&admin.join("."));
}

#[test]
fn an_es256_token_without_issuer_audience_or_kind_is_refused() {
    let key = signing_key(7);
    for (claim, member) in [
        ("iss", r#","iss":"fluxbase""#),
        ("aud", r#","aud":["fluxbase"]"#),
        ("token_type", r#","token_type":"access""#),
    ] {
        let json = payload().replace(member, "");
        assert_ne!(json, payload());
        refused(&key.sign(&json).unwrap(), Refusal::ClaimMissing(claim));
        // A shared secret may be used by others, who know nothing of these claims.
        allowed(&with_payload(&json));
    }
    allowed(&key.sign(&payload()).unwrap());
}
