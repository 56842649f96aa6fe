use super::{Keys, Refused, Verified, authenticate};
use crate::caller::Caller;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use fluxbase_rules::keys::sign_hs256;
use fluxbase_rules::{DatabaseRole, Expected, Keyring, Refusal, SigningKey};

const SECRET: &[u8] = b"a secret for these tests, 32 bytes+";
const NOW: i64 = 1_700_000_000;

fn keys(secret: &[u8], generation: u64) -> Keys {
    let mut ring = Keyring::new();
    ring.push_hs256(secret).unwrap();
    Keys {
        ring,
        expected: Expected {
            issuer: "fluxbase".into(),
            audience: "fluxbase".into(),
            leeway_seconds: 0,
        },
        generation,
    }
}

fn token(role: &str, expires: i64) -> String {
    let payload = format!(
        r#"{{"sub":"00000000-0000-4000-8000-000000000001","role":"{role}","exp":{expires}}}"#
    );
    sign_hs256(SECRET, &payload).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::try_from(*name).unwrap();
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn ask(pairs: &[(&str, &str)]) -> Result<Caller, Refused> {
    authenticate(
        &headers(pairs),
        None,
        NOW,
        &keys(SECRET, 1),
        &mut Verified::new(8),
    )
}

#[test]
fn no_credential_is_a_visitor() {
    let caller = ask(&[("accept", "*/*")]).unwrap();
    assert_eq!(caller.role(), DatabaseRole::Anon);
    assert_eq!(caller.token(), None);
}

#[test]
fn a_bad_credential_is_never_taken_for_a_visitor() {
    let good = token("authenticated", NOW + 60);
    let mut forged = good.clone();
    forged.truncate(good.len() - 4);
    forged.push_str("AAAA");
    for value in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        String::new(),
        good.clone(),
        format!("Basic {good}"),
        format!("Token {good}"),
        format!("Bearer {forged}"),
        format!("Bearer {good} "),
        format!("Bearer {}", token("authenticated", NOW)),
        "Bearer sk_0123456789".to_owned(),
        "ServiceKey sk_0123456789".to_owned(),
        "Bearer null".to_owned(),
    ] {
        let outcome = ask(&[("authorization", &value)]);
        assert!(outcome.is_err(), "{value:?} gave {outcome:?}");
        if !value.starts_with("Bearer") {
            continue;
        }
        let key = value.trim_start_matches("Bearer").trim_start_matches(' ');
        assert!(ask(&[("apikey", key)]).is_err(), "apikey {key:?}");
    }
    for name in [
        "x-service-key",
        "x-client-key",
        "clientkey",
        "x-impersonation-token",
    ] {
        assert!(ask(&[(name, &good)]).is_err(), "{name}");
    }
    assert_eq!(
        ask(&[("authorization", &format!("bearer  {good}"))])
            .unwrap()
            .token(),
        Some(good.as_str())
    );
    assert_eq!(
        ask(&[("apikey", &good)]).unwrap().token(),
        Some(good.as_str())
    );
}

#[test]
fn authorization_beats_apikey_in_both_directions() {
    let user = token("editor", NOW + 60);
    let service = token("service_role", NOW + 60);
    let bearer = format!("Bearer {user}");
    let caller = ask(&[("apikey", &service), ("authorization", &bearer)]).unwrap();
    assert_eq!(caller.role(), DatabaseRole::Authenticated);
    // A bad one is not rescued by a good one of lower rank.
    let outcome = ask(&[("authorization", "Bearer x.y.z"), ("apikey", &service)]);
    assert!(matches!(outcome, Err(Refused::Token(_))), "{outcome:?}");
    // A bad one of lower rank is not looked at.
    assert!(ask(&[("authorization", &bearer), ("apikey", "junk")]).is_ok());
    // An impersonation token ranks first, so ignoring it would act as somebody else.
    let outcome = ask(&[
        ("authorization", &bearer),
        ("x-impersonation-token", &service),
    ]);
    assert!(outcome.is_err());
}

#[test]
fn two_authorization_headers_are_refused() {
    let bearer = format!("Bearer {}", token("editor", NOW + 60));
    let outcome = ask(&[("authorization", &bearer), ("authorization", &bearer)]);
    assert_eq!(outcome.unwrap_err(), Refused::Twice("authorization"));
    assert!(ask(&[("authorization", &bearer)]).is_ok());
}

#[test]
fn a_remembered_token_still_expires() {
    let mut verified = Verified::new(8);
    let keys = keys(SECRET, 1);
    let bearer = format!("Bearer {}", token("editor", NOW + 60));
    let headers = headers(&[("authorization", &bearer)]);
    assert!(authenticate(&headers, None, NOW, &keys, &mut verified).is_ok());
    assert_eq!(verified.count(), 1);
    assert!(authenticate(&headers, None, NOW + 59, &keys, &mut verified).is_ok());
    let outcome = authenticate(&headers, None, NOW + 60, &keys, &mut verified);
    assert_eq!(outcome.unwrap_err(), Refused::Token(Refusal::Expired));
}

#[test]
fn a_remembered_token_dies_with_its_key() {
    let mut verified = Verified::new(8);
    let bearer = format!("Bearer {}", token("editor", NOW + 60));
    let headers = headers(&[("authorization", &bearer)]);
    assert!(authenticate(&headers, None, NOW, &keys(SECRET, 1), &mut verified).is_ok());
    let other = keys(b"another secret, also of 32 bytes....", 2);
    let outcome = authenticate(&headers, None, NOW, &other, &mut verified);
    assert_eq!(outcome.unwrap_err(), Refused::Token(Refusal::BadSignature));
    assert!(authenticate(&headers, None, NOW, &keys(SECRET, 3), &mut verified).is_ok());
}

#[test]
fn a_key_that_is_not_known_here_is_told_from_a_signature_that_does_not_hold() {
    let (ours, other) = (es256(7), es256(8));
    let mut known = keys(SECRET, 1);
    ours.publish_to(&mut known.ring).unwrap();
    let payload = format!(
        r#"{{"iss":"fluxbase","aud":"fluxbase","token_type":"access","role":"anon","exp":{}}}"#,
        NOW + 60
    );
    let ask = |token: &str| {
        let headers = headers(&[("authorization", &format!("Bearer {token}"))]);
        authenticate(&headers, None, NOW, &known, &mut Verified::new(8))
    };
    let (signed, foreign) = (ours.sign(&payload).unwrap(), other.sign(&payload).unwrap());
    assert!(ask(&signed).is_ok());
    assert_eq!(ask(&foreign).unwrap_err(), Refused::UnknownKey);
    // A fresh set would not help these.
    let wrong = format!("{}.AAAA", signed.rsplit_once('.').unwrap().0);
    assert!(matches!(ask(&wrong), Err(Refused::Token(_))));
    let secret = sign_hs256(b"another secret, also of 32 bytes....", &payload).unwrap();
    assert_eq!(
        ask(&secret).unwrap_err(),
        Refused::Token(Refusal::BadSignature)
    );
    assert!(ask(&sign_hs256(SECRET, &payload).unwrap()).is_ok());
}

fn es256(seed: u8) -> SigningKey {
    SigningKey::es256_from_random(&[seed; 32]).unwrap()
}

#[test]
fn memory_stays_bounded_under_a_flood_of_valid_tokens() {
    let mut verified = Verified::new(16);
    let keys = keys(SECRET, 1);
    for number in 0..200 {
        let bearer = format!("Bearer {}", token("editor", NOW + 60 + number));
        let headers = headers(&[("authorization", &bearer)]);
        assert!(authenticate(&headers, None, NOW, &keys, &mut verified).is_ok());
        assert!(verified.count() <= 16);
    }
    let junk = headers(&[("authorization", "Bearer a.b.c")]);
    let before = verified.count();
    assert!(authenticate(&junk, None, NOW, &keys, &mut verified).is_err());
    assert_eq!(
        verified.count(),
        before,
        "a bad token must not be remembered"
    );
}

#[test]
fn nothing_printable_of_a_caller_holds_the_token() {
    let good = token("editor", NOW + 60);
    let caller = ask(&[("apikey", &good)]).unwrap();
    assert_eq!(format!("{caller:?}"), "Caller(authenticated)");
}

proptest::proptest! {
    #[test]
    fn no_text_without_a_signature_becomes_a_caller(
        name in "authorization|apikey|x-service-key|x-client-key|clientkey|x-impersonation-token",
        value in "(Bearer|bearer|ServiceKey|Basic)? {0,2}[ -~]{0,80}|[ -~]{0,20}\\.[ -~]{0,40}\\.[ -~]{0,40}",
    ) {
        let outcome = ask(&[(name.as_str(), value.as_str())]);
        proptest::prop_assert!(outcome.is_err(), "{name}: {value:?} gave {outcome:?}");
    }
}

#[test]
fn a_key_is_known_by_its_form_and_judged_by_the_database_alone() {
    let random = "a".repeat(42) + "_";
    let (service, client) = (format!("sk_{random}"), format!("fbk_{random}"));
    for (name, value, role) in [
        (
            "authorization",
            format!("Bearer {service}"),
            DatabaseRole::ServiceRole,
        ),
        (
            "authorization",
            format!("ServiceKey {service}"),
            DatabaseRole::ServiceRole,
        ),
        ("x-service-key", service.clone(), DatabaseRole::ServiceRole),
        ("apikey", service.clone(), DatabaseRole::ServiceRole),
        ("x-client-key", client.clone(), DatabaseRole::Authenticated),
        ("clientkey", client.clone(), DatabaseRole::Authenticated),
        ("apikey", client.clone(), DatabaseRole::Authenticated),
    ] {
        let caller = ask(&[(name, &value)]).unwrap();
        assert!(caller.is_key() && caller.challenge().is_none(), "{name}");
        assert_eq!(caller.role(), role, "{name}");
    }
    for (name, value) in [
        ("authorization", format!("ServiceKey {client}")),
        ("x-service-key", client.clone()),
        ("x-client-key", service.clone()),
        ("apikey", format!("sk_{random}x")),
        ("apikey", "sk_".to_owned()),
        ("apikey", format!("sk_{}'", "a".repeat(42))),
        ("apikey", format!("SK_{random}")),
    ] {
        assert!(ask(&[(name, &value)]).is_err(), "{name} {value}");
    }
    let waiting = ask(&[("authorization", &format!("Bearer mfa_{random}"))]).unwrap();
    assert!(waiting.challenge().is_some() && waiting.is_anonymous() && !waiting.is_key());
}

#[test]
fn an_impersonation_token_counts_only_beside_its_administrators_credential() {
    let admin = "00000000-0000-4000-8000-000000000001";
    let acting = |by: &str| {
        let payload = format!(
            r#"{{"sub":"00000000-0000-4000-8000-000000000009","role":"authenticated","impersonated_by":"{by}","exp":{}}}"#,
            NOW + 60
        );
        sign_hs256(SECRET, &payload).unwrap()
    };
    let bearer = format!("Bearer {}", token("admin", NOW + 60));
    let own = acting(admin);
    let both = [
        ("authorization", bearer.as_str()),
        ("x-impersonation-token", own.as_str()),
    ];
    assert_eq!(ask(&both).unwrap().token(), Some(own.as_str()));
    assert!(ask(&both[1..]).is_err(), "alone it was stolen");
    let foreign = acting("00000000-0000-4000-8000-000000000002");
    assert!(ask(&[both[0], ("x-impersonation-token", &foreign)]).is_err());
    let plain = token("authenticated", NOW + 60);
    assert!(ask(&[both[0], ("x-impersonation-token", &plain)]).is_err());
    let expired = format!("Bearer {}", token("admin", NOW));
    assert!(ask(&[("authorization", &expired), both[1]]).is_err());
    // Nor is it a credential like any other.
    for (name, value) in [
        ("authorization", format!("Bearer {own}")),
        ("apikey", own.clone()),
    ] {
        let outcome = ask(&[(name, &value)]);
        assert_eq!(outcome.unwrap_err(), Refused::NotTheAdministrator, "{name}");
        let outcome = ask(&[(name, &value), both[1]]);
        assert_eq!(outcome.unwrap_err(), Refused::NotTheAdministrator, "{name}");
    }
}

#[test]
fn a_cookie_speaks_after_authorization_and_before_keys() {
    let with = |pairs: &[(&str, &str)], cookie: &str| {
        let cookie = HeaderValue::from_str(cookie).unwrap();
        let (headers, keys) = (headers(pairs), keys(SECRET, 1));
        authenticate(&headers, Some(&cookie), NOW, &keys, &mut Verified::new(8))
    };
    let (user, service) = (token("editor", NOW + 60), token("service_role", NOW + 60));
    let caller = with(&[("apikey", &service)], &user).unwrap();
    assert!(caller.by_cookie() && caller.role() == DatabaseRole::Authenticated);
    let bearer = format!("Bearer {service}");
    let caller = with(&[("authorization", &bearer)], &user).unwrap();
    assert!(!caller.by_cookie() && caller.role() == DatabaseRole::ServiceRole);
    assert!(with(&[], &token("editor", NOW)).is_err(), "expired");
}
