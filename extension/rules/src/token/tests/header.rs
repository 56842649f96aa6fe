//! Attacks on the header, and on the choice of the key.

use super::*;

#[test]
fn algorithm_none_is_refused() {
    for name in [
        "none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "RS256", "PS256", "ES384",
        "ES256K", "EdDSA", "HS256 ",
    ] {
        let signed = with_header(&format!(r#"{{"alg":"{name}"}}"#));
        refused(&signed, Refusal::AlgorithmNotAccepted);
        let (unsigned, _) = signed.rsplit_once('.').unwrap();
        refused(&format!("{unsigned}."), Refusal::AlgorithmNotAccepted);
    }
    allowed(&with_header(r#"{"alg":"HS256"}"#));
}

#[test]
fn an_empty_signature_is_refused() {
    let token = with_payload(payload());
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    refused(&format!("{unsigned}."), Refusal::SignatureLength);
    refused(unsigned, Refusal::NotThreeParts);
}

#[test]
fn a_missing_or_wrongly_typed_algorithm_is_refused() {
    for header in [
        r#"{}"#,
        r#"{"typ":"JWT"}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":256}"#,
        r#"{"ALG":"HS256"}"#,
    ] {
        refused(&with_header(header), Refusal::AlgorithmMissing);
    }
}

/// The attacker takes the published key, uses its text as an HMAC secret and names HS256.
#[test]
fn a_public_key_as_hmac_secret_is_refused() {
    let key = signing_key(7);
    let jwk = key.public_jwk();
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let (x, y) = (coordinate("x"), coordinate("y"));
    let point = [[4].as_slice(), &x, &y].concat();
    let secrets = [
        jwk.to_string().into_bytes(),
        point.clone(),
        point[1..].to_vec(),
        x,
        key.kid().as_bytes().to_vec(),
    ];
    for secret in secrets {
        let token = sign_hs256(&secret, &payload()).unwrap();
        refused(&token, Refusal::BadSignature);
        // Naming the key's id does not bring it in either.
        let header = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, key.kid());
        let signed = format!("{}.{}", b64(header), b64(payload()));
        let material = jsonwebtoken::EncodingKey::from_secret(&secret);
        let signature = crypto::Signer::new(&jsonwebtoken::Algorithm::HS256, &material)
            .unwrap()
            .sign(signed.as_bytes())
            .unwrap();
        refused(
            &format!("{signed}.{}", b64(signature)),
            Refusal::BadSignature,
        );

        let mut asymmetric_only = Keyring::new();
        key.publish_to(&mut asymmetric_only).unwrap();
        let verdict = UnverifiedToken::parse(&token)
            .unwrap()
            .verify(&asymmetric_only);
        assert_eq!(verdict.unwrap_err(), Refusal::UnknownKey);
    }
    allowed(&key.sign(&payload()).unwrap());
}

#[test]
fn a_header_that_brings_its_own_key_is_refused() {
    let jwk = signing_key(9).public_jwk();
    for (name, value) in [
        ("jwk", jwk.to_string()),
        ("jku", r#""https://attacker.example/jwks.json""#.into()),
        ("x5u", r#""https://attacker.example/cert.pem""#.into()),
        ("x5c", r#"["MIIB"]"#.into()),
        ("x5t", r#""abc""#.into()),
        ("x5t#S256", r#""abc""#.into()),
        ("crit", r#"["exp"]"#.into()),
        ("crit", "[]".into()),
        ("zip", r#""DEF""#.into()),
        ("b64", "false".into()),
        ("b64", "true".into()),
        ("enc", r#""A128GCM""#.into()),
        ("jwk", "null".into()),
    ] {
        let header = format!(r#"{{"alg":"HS256","{name}":{value}}}"#);
        let verdict = enter(&with_header(&header)).unwrap_err();
        assert!(
            matches!(verdict, Refusal::HeaderNotAccepted(refused) if refused == name),
            "{name}: {verdict}"
        );
    }
    // Other members mean nothing and are passed over.
    allowed(&with_header(
        r#"{"alg":"HS256","cty":"x","nonce":"1","custom":{"a":[]}}"#,
    ));
}

#[test]
fn a_kid_used_as_a_path_or_a_query_finds_no_key() {
    let key = signing_key(7);
    for kid in [
        "../../dev/null",
        "' or 1=1 --",
        "/proc/self/environ",
        &key.kid().to_lowercase(),
        &format!("{} ", key.kid()),
    ] {
        let other = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        let token = format!("{}.{}.{}", b64(other), b64(payload()), b64([1; 64]));
        refused(&token, Refusal::UnknownKey);
    }
    for kid in [
        r#""""#.to_owned(),
        "null".into(),
        "7".into(),
        r#"["a"]"#.into(),
        format!("\"{}\"", "k".repeat(129)),
    ] {
        refused(
            &with_header(&format!(r#"{{"alg":"HS256","kid":{kid}}}"#)),
            Refusal::HeaderMalformed("kid"),
        );
    }
    // A secret has no id: a token that names one still finds it.
    allowed(&with_header(r#"{"alg":"HS256","kid":"anything"}"#));
}

#[test]
fn a_kid_with_nul_is_refused() {
    refused(
        &with_header(r#"{"alg":"HS256","kid":"a\u0000b"}"#),
        Refusal::Json(Part::Header, JsonFault::Nul),
    );
}

#[test]
fn another_type_of_token_is_refused() {
    for kind in [
        "JWS",
        "JWE",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "id_token",
        "",
    ] {
        refused(
            &with_header(&format!(r#"{{"alg":"HS256","typ":"{kind}"}}"#)),
            Refusal::TypeNotAccepted,
        );
    }
    refused(
        &with_header(r#"{"alg":"HS256","typ":null}"#),
        Refusal::HeaderMalformed("typ"),
    );
    for kind in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        allowed(&with_header(&format!(
            r#"{{"alg":"HS256","typ":"{kind}"}}"#
        )));
    }
}

#[test]
fn a_duplicate_header_member_is_refused() {
    let twice = Refusal::Json(Part::Header, JsonFault::DuplicateMember);
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
    ] {
        refused(&with_header(header), twice);
    }
    // Names that differ in case are different names.
    allowed(&with_header(r#"{"alg":"HS256","Alg":"none"}"#));
}

/// The last character of 32 or 64 bytes carries bits that decode to nothing; a lenient reader takes
/// four or sixteen spellings of one signature, and a revocation list keyed by text misses them.
#[test]
fn an_all_zero_hmac_is_refused() {
    let token = with_payload(payload());
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    for signature in [vec![0; 32], vec![255; 32]] {
        refused(
            &format!("{unsigned}.{}", b64(signature)),
            Refusal::BadSignature,
        );
    }
    for length in [1, 16, 31, 33, 64] {
        refused(
            &format!("{unsigned}.{}", b64(vec![0; length])),
            Refusal::SignatureLength,
        );
    }
    allowed(&token);
}

#[test]
fn an_hmac_of_another_secret_is_refused_until_that_secret_is_the_previous_one() {
    let other = b"another secret of more than 32 bytes, formerly in use";
    let token = sign_hs256(other, &payload()).unwrap();
    refused(&token, Refusal::BadSignature);
    let mut keys = keyring();
    keys.push_hs256(other).unwrap();
    assert!(
        UnverifiedToken::parse(&token)
            .unwrap()
            .verify(&keys)
            .is_ok()
    );
}

#[test]
fn an_empty_keyring_refuses_everything() {
    for token in [
        with_payload(payload()),
        signing_key(7).sign(&payload()).unwrap(),
    ] {
        let verdict = UnverifiedToken::parse(&token)
            .unwrap()
            .verify(&Keyring::new());
        assert_eq!(verdict.unwrap_err(), Refusal::UnknownKey);
    }
}
