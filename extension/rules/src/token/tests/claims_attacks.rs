//! Attacks by what a token says, under a signature that holds.

use super::*;

#[track_caller]
fn claim_refused(extra: &str, reason: Refusal) {
    assert_eq!(
        enter(&with_payload(payload_with(extra))),
        Err(reason),
        "{extra}"
    );
}

#[test]
fn a_duplicate_claim_is_refused() {
    let twice = Refusal::Json(Part::Payload, JsonFault::DuplicateMember);
    for extra in [
        r#","sub":"5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5b""#,
        r#","role":"service_role""#,
        r#","exp":1800000900"#,
        r#","x":1,"x":1"#,
        r#","user_metadata":{"a":1,"a":2}"#,
        r#","user_metadata":[{"b":{"a":1,"a":2}}]"#,
    ] {
        claim_refused(extra, twice);
    }
    allowed(&with_payload(payload_with(
        r#","user_metadata":{"sub":"x","role":"y","a":{"a":1}}"#,
    )));
}

#[test]
fn a_duplicate_claim_hidden_by_escapes_is_refused() {
    for name in [r"s\u0075b", r"\u0073\u0075\u0062", r"\u0073ub"] {
        let extra = format!(r#","{name}":"5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5b""#);
        claim_refused(
            &extra,
            Refusal::Json(Part::Payload, JsonFault::DuplicateMember),
        );
    }
    // One member spelled with an escape is that member, not another.
    let json = format!(
        r#"{{"s\u0075b":"{USER}","role":"authenticated","exp":{}}}"#,
        NOW + 1
    );
    assert!(allowed(&with_payload(json)).sub.is_some());
}

#[test]
fn a_nul_anywhere_is_refused() {
    for extra in [
        r#","email":"a\u0000@example.com""#,
        r#","role\u0000":"service_role""#,
        r#","user_metadata":{"a":["b\u0000"]}"#,
        r#","user_metadata":{"a\u0000":1}"#,
    ] {
        claim_refused(extra, Refusal::Json(Part::Payload, JsonFault::Nul));
    }
    // A raw control character is not JSON at all (RFC 8259 section 7).
    claim_refused(
        ",\"email\":\"a\0\"",
        Refusal::Json(Part::Payload, JsonFault::Syntax),
    );
    claim_refused(
        ",\"email\":\"a\n\"",
        Refusal::Json(Part::Payload, JsonFault::Syntax),
    );
    allowed(&with_payload(payload_with(
        r#","user_metadata":{"a":"line\nbreak \u0001 \u00e9 é"}"#,
    )));
}

#[test]
fn a_lone_or_broken_surrogate_is_refused() {
    for text in [
        r"\ud800",
        r"\udc00",
        r"\ud800\ud800",
        r"\ud83d",
        r"\ud83dx",
        r"\ud83d\u0041",
        r"\uD83D\n",
        r"\u12",
        r"\uZZZZ",
        r"\x41",
    ] {
        for extra in [
            format!(r#","email":"{text}""#),
            format!(r#","{text}":1"#),
            format!(r#","m":{{"a":["{text}"]}}"#),
        ] {
            claim_refused(&extra, Refusal::Json(Part::Payload, JsonFault::Syntax));
        }
    }
    let claims = allowed(&with_payload(payload_with(
        r#","email":"\ud83d\ude00@example.com""#,
    )));
    assert_eq!(claims.email.as_deref(), Some("😀@example.com"));
}

#[test]
fn bytes_that_are_no_utf8_are_refused() {
    for bad in [
        &[0xff][..],
        &[0xc0, 0x80],
        &[0xed, 0xa0, 0x80],
        &[0xf5, 0x80, 0x80, 0x80],
        &[0xe2, 0x82],
    ] {
        let json = [
            payload_with(r#","email":""#)
                .trim_end_matches('}')
                .as_bytes(),
            bad,
            b"\"}",
        ]
        .concat();
        refused(
            &with_payload(json),
            Refusal::Json(Part::Payload, JsonFault::NotUtf8),
        );
        let header = [br#"{"alg":"HS256","x":""#, bad, b"\"}"].concat();
        refused(
            &hs256(header, payload()),
            Refusal::Json(Part::Header, JsonFault::NotUtf8),
        );
    }
    allowed(&with_payload(payload_with(r#","email":"é@example.com""#)));
}

#[test]
fn a_payload_that_is_no_object_is_refused() {
    for (json, fault) in [
        ("[]", JsonFault::NotAnObject),
        (r#"[{"sub":1}]"#, JsonFault::NotAnObject),
        ("null", JsonFault::NotAnObject),
        ("true", JsonFault::NotAnObject),
        (r#""text""#, JsonFault::NotAnObject),
        ("1e999", JsonFault::NotAnObject),
        ("{} {}", JsonFault::Syntax),
        (" ", JsonFault::Syntax),
        ("{\"a\":NaN}", JsonFault::Syntax),
    ] {
        refused(&with_payload(json), Refusal::Json(Part::Payload, fault));
    }
    refused(&with_payload(""), Refusal::NotThreeParts);
    allowed(&with_payload(format!(" \n\t{} ", payload())));
}

#[test]
fn deep_nesting_is_refused_without_a_deep_stack() {
    let nested = |levels: usize| {
        payload_with(&format!(
            r#","m":{}1{}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        ))
    };
    allowed(&with_payload(nested(31)));
    refused(
        &with_payload(nested(32)),
        Refusal::Json(Part::Payload, JsonFault::TooDeep),
    );
    refused(
        &with_payload(nested(2500)),
        Refusal::Json(Part::Payload, JsonFault::TooDeep),
    );
    let objects = format!("{}1{}", r#"{"a":"#.repeat(600), "}".repeat(600));
    refused(
        &with_payload(objects),
        Refusal::Json(Part::Payload, JsonFault::TooDeep),
    );
    let header = format!(r#"{{"a":{}{}}}"#, "[".repeat(1500), "]".repeat(1500));
    refused(
        &with_header(&header),
        Refusal::Json(Part::Header, JsonFault::TooDeep),
    );
    refused(
        &with_header(&"[".repeat(3000)),
        Refusal::Json(Part::Header, JsonFault::Syntax),
    );
}

/// Elsewhere `uid()` was NULL for such a token, and a policy `owner is not distinct from uid()` then
/// shows every row without an owner.
#[test]
fn a_malformed_subject_is_refused_never_read_as_nobody() {
    for sub in [
        r#""not-a-uuid""#,
        r#""5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5""#,
        r#"" 5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5a""#,
        r#""{5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5a}""#,
        r#"" ""#,
        "null",
        "1",
        "true",
        "[]",
        r#"["5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5a"]"#,
        "{}",
    ] {
        for role in ["authenticated", "anon", "service_role"] {
            let json = format!(r#"{{"sub":{sub},"role":"{role}","exp":{}}}"#, NOW + 1);
            refused(&with_payload(json), Refusal::ClaimMalformed("sub"));
        }
    }
    allowed(&with_payload(payload()));
}

#[test]
fn a_role_of_users_without_a_user_is_refused() {
    for (role, twin) in [
        ("authenticated", false),
        ("editor", false),
        ("anon", true),
        ("", true),
        ("service_role", true),
    ] {
        for sub in ["", r#""sub":"","#] {
            let json = format!(r#"{{{sub}"role":"{role}","exp":{}}}"#, NOW + 1);
            let verdict = enter(&with_payload(json)).map(|claims| claims.sub);
            assert_eq!(
                verdict,
                if twin {
                    Ok(None)
                } else {
                    Err(Refusal::SubjectMissing)
                },
                "{role}"
            );
        }
    }
    // No role at all is nobody.
    let claims = allowed(&with_payload(format!(r#"{{"exp":{}}}"#, NOW + 1)));
    assert_eq!(claims.database_role(), crate::DatabaseRole::Anon);
}

#[test]
fn a_claim_of_another_type_is_refused() {
    for claim in ["role", "email", "jti", "iss", "token_type", "session_id"] {
        for value in ["null", "1", "true", "[]", r#"["service_role"]"#, "{}"] {
            let json = format!(r#"{{"sub":"{USER}","exp":{},"{claim}":{value}}}"#, NOW + 1);
            refused(&with_payload(json), Refusal::ClaimMalformed(claim));
        }
    }
    let claims = allowed(&with_payload(payload_with(
        r#","email":"","session_id":"""#,
    )));
    assert_eq!((claims.email, claims.session_id), (None, None));
}

#[test]
fn a_malformed_session_is_refused() {
    claim_refused(
        r#","session_id":"1 or 1=1""#,
        Refusal::ClaimMalformed("session_id"),
    );
}

#[test]
fn a_refresh_token_as_bearer_is_refused() {
    for kind in ["refresh", "Access", "access ", "", "mfa", "id"] {
        let json = payload().replace(
            r#""token_type":"access""#,
            &format!(r#""token_type":"{kind}""#),
        );
        refused(&with_payload(&json), Refusal::WrongTokenType);
        refused(
            &signing_key(7).sign(&json).unwrap(),
            Refusal::WrongTokenType,
        );
    }
    allowed(&with_payload(payload()));
}

#[test]
fn a_token_of_another_issuer_is_refused() {
    for issuer in ["supabase", "", "Fluxbase", "fluxbase ", "fluxbase.example"] {
        let json = payload().replace(r#""iss":"fluxbase""#, &format!(r#""iss":"{issuer}""#));
        refused(&with_payload(json), Refusal::WrongIssuer);
    }
    allowed(&with_payload(payload_with("")));
}

#[test]
fn a_token_for_another_audience_is_refused() {
    for audience in [
        r#""other""#,
        r#""""#,
        "[]",
        r#"["other"]"#,
        r#"["flux","base"]"#,
        r#"["fluxbase "]"#,
    ] {
        claim_refused(&format!(r#","aud":{audience}"#), Refusal::WrongAudience);
    }
    for audience in [
        "null",
        "1",
        "{}",
        "[1]",
        r#"["fluxbase",1]"#,
        r#"["fluxbase",["fluxbase"]]"#,
        r#"{"fluxbase":1}"#,
    ] {
        claim_refused(
            &format!(r#","aud":{audience}"#),
            Refusal::ClaimMalformed("aud"),
        );
    }
    for audience in [
        r#""fluxbase""#,
        r#"["fluxbase"]"#,
        r#"["other","fluxbase"]"#,
    ] {
        allowed(&with_payload(payload_with(&format!(
            r#","aud":{audience}"#
        ))));
    }
}

#[test]
fn metadata_cannot_stand_in_for_claims() {
    let json = format!(
        r#"{{"exp":{},"user_metadata":{{"role":"service_role","sub":"{USER}"}}}}"#,
        NOW + 1
    );
    let claims = allowed(&with_payload(json));
    assert_eq!(
        (claims.sub, claims.database_role()),
        (None, crate::DatabaseRole::Anon)
    );
}
