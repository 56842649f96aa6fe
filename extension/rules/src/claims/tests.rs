//! Claims set by a trusted session; those of tokens are tested with the tokens.

use super::*;

const USER: &str = "5b3c1a2e-8f4d-4c6b-9a7e-0d1f2e3c4b5a";

#[test]
fn trusted_claims_need_neither_signature_nor_expiry() {
    let json = format!(r#"{{"sub":"{USER}","role":"authenticated","email":"a@b.c"}}"#);
    let claims = Claims::from_trusted_json(&json).unwrap();
    assert_eq!(claims.sub, uuid::parse(USER));
    assert_eq!(claims.database_role(), DatabaseRole::Authenticated);
    assert_eq!(&*claims.json, json);
    // A role without a user, as tests of policies set it.
    let claims = Claims::from_trusted_json(r#"{"role":"admin"}"#).unwrap();
    assert_eq!((claims.sub, claims.role.as_str()), (None, "admin"));
    assert_eq!(
        Claims::from_trusted_json(r#"{"sub":""}"#).unwrap().sub,
        None
    );
    assert_eq!(
        Claims::from_trusted_json("{}").unwrap().database_role(),
        DatabaseRole::Anon
    );
}

#[test]
fn trusted_claims_have_the_shapes_of_a_token() {
    for (json, reason) in [
        (r#"{"sub":"1"}"#, Refusal::ClaimMalformed("sub")),
        (r#"{"sub":null}"#, Refusal::ClaimMalformed("sub")),
        (
            r#"{"role":["service_role"]}"#,
            Refusal::ClaimMalformed("role"),
        ),
        (r#"{"exp":"soon"}"#, Refusal::ClaimMalformed("exp")),
        (
            r#"{"sub":"","sub":""}"#,
            Refusal::Json(Part::Payload, JsonFault::DuplicateMember),
        ),
        (
            r#"{"a":"\u0000"}"#,
            Refusal::Json(Part::Payload, JsonFault::Nul),
        ),
        ("[]", Refusal::Json(Part::Payload, JsonFault::NotAnObject)),
        ("", Refusal::Json(Part::Payload, JsonFault::Syntax)),
        ("{", Refusal::Json(Part::Payload, JsonFault::Syntax)),
    ] {
        assert_eq!(Claims::from_trusted_json(json), Err(reason), "{json}");
    }
}
