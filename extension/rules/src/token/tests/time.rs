//! `exp` and `nbf`: their shapes, and that they are judged each time.

use super::*;

fn with_exp(exp: &str) -> String {
    with_payload(format!(
        r#"{{"sub":"{USER}","role":"authenticated","exp":{exp}}}"#
    ))
}

fn judged(token: &str, now: i64, leeway_seconds: i64) -> Result<(), Refusal> {
    verify(token)?
        .judge(
            now,
            &Expected {
                leeway_seconds,
                ..expected()
            },
        )
        .map(|_| ())
}

#[test]
fn a_missing_expiry_is_refused() {
    let json = format!(r#"{{"sub":"{USER}","role":"authenticated"}}"#);
    refused(&with_payload(&json), Refusal::ClaimMissing("exp"));
    refused(
        &with_payload(json.replace('}', r#","Exp":1900000000}"#)),
        Refusal::ClaimMissing("exp"),
    );
    allowed(&with_payload(json.replace('}', r#","exp":1900000000}"#)));
}

#[test]
fn an_expiry_that_is_no_date_is_refused() {
    for exp in [
        "\"1900000000\"",
        "\"never\"",
        "null",
        "true",
        "[]",
        "[1900000000]",
        "{}",
        "-1",
        "-1900000000",
        "-0.5",
        "253402300800",
        "1e300",
        "1e18",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "1e308",
        "1e999",
    ] {
        refused(&with_exp(exp), Refusal::ClaimMalformed("exp"));
    }
    for exp in [
        "NaN",
        "Infinity",
        "-Infinity",
        "0x70000000",
        "+1900000000",
        "01900000000",
        "1900000000.",
        ".5",
        "1_900_000_000",
    ] {
        refused(
            &with_exp(exp),
            Refusal::Json(Part::Payload, JsonFault::Syntax),
        );
    }
    for exp in [
        "1900000000",
        "1900000000.5",
        "1.9e9",
        "19E8",
        "253402300799",
    ] {
        allowed(&with_exp(exp));
    }
}

/// RFC 7519 section 4.1.4: "on or after which the JWT MUST NOT be accepted".
#[test]
fn a_token_dies_on_its_second() {
    let token = with_exp("1000");
    assert_eq!(judged(&token, 999, 0), Ok(()));
    assert_eq!(judged(&token, 1000, 0), Err(Refusal::Expired));
    assert_eq!(judged(&token, 1001, 0), Err(Refusal::Expired));
    assert_eq!(judged(&token, 1009, 10), Ok(()));
    assert_eq!(judged(&token, 1010, 10), Err(Refusal::Expired));
    assert_eq!(judged(&with_exp("0"), 0, 0), Err(Refusal::Expired));
}

#[test]
fn a_fraction_never_lengthens_a_life() {
    let token = with_exp("1000.999");
    assert_eq!(judged(&token, 999, 0), Ok(()));
    assert_eq!(judged(&token, 1000, 0), Err(Refusal::Expired));
    let token = with_payload(r#"{"exp":5000,"nbf":1000.001}"#);
    assert_eq!(judged(&token, 1000, 0), Err(Refusal::NotYetValid));
    assert_eq!(judged(&token, 1001, 0), Ok(()));
}

#[test]
fn a_token_from_the_future_is_refused() {
    let token = with_payload(r#"{"exp":5000,"nbf":1000}"#);
    assert_eq!(judged(&token, 999, 0), Err(Refusal::NotYetValid));
    assert_eq!(judged(&token, 1000, 0), Ok(()));
    assert_eq!(judged(&token, 989, 10), Err(Refusal::NotYetValid));
    assert_eq!(judged(&token, 990, 10), Ok(()));
    for nbf in ["\"1\"", "null", "-1", "1e300", "[]"] {
        refused(
            &with_payload(format!(r#"{{"exp":1900000000,"nbf":{nbf}}}"#)),
            Refusal::ClaimMalformed("nbf"),
        );
        refused(
            &with_payload(format!(r#"{{"exp":1900000000,"iat":{nbf}}}"#)),
            Refusal::ClaimMalformed("iat"),
        );
    }
}

/// Elsewhere a cached token was good for as long as the cache kept it.
#[test]
fn cached_claims_expire_all_the_same() {
    let cached = verify(&with_exp("1000")).unwrap();
    let copy = cached.clone();
    assert!(cached.judge(999, &expected()).is_ok());
    assert_eq!(cached.judge(1000, &expected()), Err(Refusal::Expired));
    assert_eq!(copy.judge(1000, &expected()), Err(Refusal::Expired));
    assert_eq!(copy.expires_at(), 1000);
}

/// A change of issuer or audience must reach tokens that were verified before it.
#[test]
fn cached_claims_are_judged_by_the_settings_of_now() {
    let cached = verify(&with_payload(payload())).unwrap();
    assert!(cached.judge(NOW, &expected()).is_ok());
    let moved = Expected {
        issuer: "elsewhere".into(),
        ..expected()
    };
    assert_eq!(cached.judge(NOW, &moved), Err(Refusal::WrongIssuer));
    let moved = Expected {
        audience: "elsewhere".into(),
        ..expected()
    };
    assert_eq!(cached.judge(NOW, &moved), Err(Refusal::WrongAudience));
}

#[test]
fn no_clock_makes_the_sums_overflow() {
    let token = with_payload(r#"{"exp":253402300799,"nbf":0}"#);
    for (now, leeway) in [
        (i64::MAX, i64::MAX),
        (i64::MIN, i64::MIN),
        (i64::MAX, 0),
        (i64::MIN, 0),
        (0, i64::MAX),
    ] {
        let _ = judged(&token, now, leeway);
    }
    assert_eq!(judged(&token, i64::MAX, 60), Err(Refusal::Expired));
    assert_eq!(judged(&token, i64::MIN, 60), Err(Refusal::NotYetValid));
}
