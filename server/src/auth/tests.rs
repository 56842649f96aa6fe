use super::credentials::Credentials;
use super::{refusal, status_of};
use crate::error::Failure;
use actix_web::http::StatusCode;
use bytes::Bytes;

#[test]
fn a_body_of_the_wrong_form_is_refused_without_repeating_it() {
    for body in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        "{}",
        r#"{"email":"a@b.c"}"#,
        r#"{"password":"hunter2"}"#,
        r#"{"email":"a@b.c","password":""}"#,
        r#"{"email":"","password":"hunter2"}"#,
        r#"{"email":1,"password":"hunter2"}"#,
        r#"{"email":"a@b.c","password":["hunter2"]}"#,
        r#"{"email":"a@b.c","password":"hunter2\u0000"}"#,
        r#"{"email":"a@b.c","password":"hunter2","password":"other"}"#,
        r#"{"email":"a@b.c","password":"hunter2","user_metadata":"x"}"#,
        r#"{"email":"a@b.c","password":"hunter2","user_metadata":[1]}"#,
        r#"{"email":"a@b.c","password":"hunter2"} x"#,
    ] {
        let Err(failure) = Credentials::read(body.as_bytes()) else {
            panic!("{body} was accepted");
        };
        assert_eq!(failure.public().status, StatusCode::BAD_REQUEST, "{body}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}

#[test]
fn fields_a_client_always_sends_are_passed_over_and_metadata_is_kept() {
    let body = r#"{"email":"a@b.c","password":"p w","captcha_token":"","app_metadata":{"role":"admin"},"user_metadata":{"nick":"a"}}"#;
    let Ok(read) = Credentials::read(body.as_bytes()) else {
        panic!("refused");
    };
    assert_eq!((&*read.email, &*read.password), ("a@b.c", "p w"));
    assert_eq!(read.user_metadata, r#"{"nick":"a"}"#);
    for body in [
        r#"{"email":"a","password":"b"}"#,
        r#"{"email":"a","password":"b","user_metadata":null}"#,
    ] {
        let read = Credentials::read(body.as_bytes()).ok().unwrap();
        assert_eq!(read.user_metadata, "{}");
    }
}

#[test]
fn a_refusal_with_a_code_nobody_knows_is_our_failure() {
    let unknown = Bytes::from_static(br#"{"error":"x","code":"SURPRISE"}"#);
    let failure = refusal(&unknown).unwrap().unwrap();
    assert_eq!(failure.public().status, StatusCode::INTERNAL_SERVER_ERROR);
    let strange = refusal(&Bytes::from_static(b"[1]")).unwrap_err();
    assert_eq!(strange.public().status, StatusCode::INTERNAL_SERVER_ERROR);
    let known = Bytes::from_static(br#"{"error":"x","code":"INVALID_CREDENTIALS"}"#);
    let failure = refusal(&known).unwrap().unwrap();
    assert!(
        matches!(&failure, Failure::Account(account) if account.status == StatusCode::UNAUTHORIZED)
    );
    let reply = Bytes::from_static(br#"{"access_token":"x"}"#);
    assert!(refusal(&reply).unwrap().is_none());
}

#[test]
fn account_codes_have_the_statuses_clients_know() {
    for (code, status) in [
        ("VALIDATION_FAILED", 400),
        ("WEAK_PASSWORD", 400),
        ("ALREADY_EXISTS", 400),
        ("INVALID_CREDENTIALS", 401),
        ("SIGNUP_DISABLED", 403),
        ("RATE_LIMITED", 429),
        ("BUSY", 503),
    ] {
        assert_eq!(
            status_of(code).map(|status| status.as_u16()),
            Some(status),
            "{code}"
        );
    }
}
