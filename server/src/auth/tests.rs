use super::acts::{ACTS, Arg, Door, Kind};
use super::body::Body;
use super::{Head, Prepared, refusal, statement, status_of};
use crate::error::Failure;
use actix_web::http::StatusCode;
use bytes::Bytes;
use std::collections::BTreeSet;

fn sign_in() -> &'static super::Act {
    ACTS.iter()
        .find(|act| act.path == "/auth/signin")
        .expect("it is there")
}

#[test]
fn a_body_of_the_wrong_form_is_refused_without_repeating_it() {
    for body in [
        "null",
        "[]",
        "\"hunter2\"",
        "{",
        r#"{"password":"hunter2","password":"other"}"#,
        r#"{"password":"hunter2"} x"#,
        r#"{"password":"hunter2\u0000"}"#,
    ] {
        let Err(failure) = Body::read(body.as_bytes()) else {
            panic!("{body} was accepted");
        };
        assert_eq!(failure.public().status, StatusCode::BAD_REQUEST, "{body}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
    for member in ["1", "[\"hunter2\"]", "{\"a\":\"hunter2\"}", "1e400"] {
        let body = Body::read(format!("{{\"password\":{member}}}").as_bytes())
            .ok()
            .unwrap();
        let failure = body.text("password").unwrap_err();
        assert_eq!(failure.public().status, StatusCode::BAD_REQUEST, "{member}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}

#[test]
fn what_clients_send_is_read() {
    let text = r#"{"email":"a@b.c","captcha_token":"","user_metadata":{"n":1.10},"code":{"code":"123456"},"gone":null}"#;
    let body = Body::read(text.as_bytes()).ok().unwrap();
    assert_eq!(body.text("email").unwrap().as_deref(), Some("a@b.c"));
    assert_eq!(body.text("gone").unwrap(), None);
    assert!(body.has("email") && !body.has("gone") && !body.has("absent"));
    assert_eq!(body.text("absent").unwrap(), None);
    assert_eq!(body.object("user_metadata").unwrap(), Some(r#"{"n":1.10}"#));
    assert!(body.object("email").is_err());
    assert_eq!(body.code().unwrap().as_deref(), Some("123456"));
    assert!(body.whole().contains(r#""user_metadata":{"n":1.10}"#));
    let skipped = Body::read(br#"{"email":"a","skip_email":false}"#)
        .ok()
        .unwrap();
    let wanted = r#"{"email":"a","skip_email":true}"#;
    assert_eq!(skipped.whole_with(Some("skip_email")), wanted);
    assert_eq!(skipped.flag("skip_email").unwrap(), Some(false));
    assert_eq!(skipped.flag("absent").unwrap(), None);
    assert!(skipped.flag("email").is_err());
    let flat = Body::read(br#"{"code":"123456"}"#).ok().unwrap();
    assert_eq!(flat.code().unwrap().as_deref(), Some("123456"));
    assert_eq!(Body::read(b" \n").ok().unwrap().whole(), "{}");
}

#[test]
fn no_endpoint_is_there_twice_and_public_ones_have_no_parameters() {
    let mut seen = BTreeSet::new();
    for act in ACTS {
        assert!(
            seen.insert((act.method, act.path)),
            "{} {}",
            act.method,
            act.path
        );
        assert!(
            act.door != Door::Public || !act.path.contains('{'),
            "{}",
            act.path
        );
        assert_eq!(
            act.path.contains("{id}"),
            act.args.contains(&Arg::PathId),
            "{}",
            act.path
        );
        assert_eq!(act.method == "GET", act.kind == Kind::Read, "{}", act.path);
    }
}

#[test]
fn absent_arguments_become_null_and_the_others_keep_their_order() {
    let act = ACTS
        .iter()
        .find(|act| act.path == "/auth/impersonate")
        .expect("it is there");
    let prepared = Prepared::new(act);
    assert_eq!(
        &*prepared.sql,
        "select auth.impersonate($1::pg_catalog.uuid, $2::pg_catalog.text, $3::pg_catalog.jsonb)::pg_catalog.text"
    );
    let made = statement(&prepared, vec![None, Some("r".into()), Some("{}".into())]);
    assert_eq!(
        &*made.sql,
        "select auth.impersonate(null::pg_catalog.uuid, $1::pg_catalog.text, $2::pg_catalog.jsonb)::pg_catalog.text"
    );
    assert_eq!(made.params.len(), 2);
}

#[test]
fn a_refusal_with_a_code_nobody_knows_is_our_failure() {
    let unknown = Bytes::from_static(br#"{"error":"x","code":"SURPRISE"}"#);
    let refusal = |body: &Bytes| refusal(sign_in(), &Head::of(body).ok().unwrap());
    let failure = refusal(&unknown).unwrap();
    assert_eq!(failure.public().status, StatusCode::INTERNAL_SERVER_ERROR);
    for strange in ["1", "", "null", "\"x\"", "{"] {
        let body = Bytes::from_static(strange.as_bytes());
        let strange = Head::of(&body).err().unwrap();
        assert_eq!(strange.public().status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    let known = Bytes::from_static(br#"{"error":"x","code":"INVALID_CREDENTIALS"}"#);
    let failure = refusal(&known).unwrap();
    assert!(
        matches!(&failure, Failure::Account(account) if account.status == StatusCode::UNAUTHORIZED)
    );
    let reply = Bytes::from_static(br#"{"access_token":"x"}"#);
    assert!(refusal(&reply).is_none());
    assert!(refusal(&Bytes::from_static(b"[{\"error\":\"x\"}]")).is_none());
}

/// What PostgreSQL took and answers must not fail on its way out.
#[test]
fn what_users_wrote_is_passed_on_unread() {
    for written in [
        "1e400",
        r#"{"$serde_json::private::RawValue":"{"}"#,
        r#"{"$serde_json::private::Number":"x"}"#,
        r#"{"error":"x","code":"SURPRISE"}"#,
    ] {
        let body = Bytes::from(format!(r#"{{"user_metadata":{{"a":{written}}}}}"#));
        let head = Head::of(&body).ok().unwrap();
        assert!(refusal(sign_in(), &head).is_none(), "{written}");
    }
}

/// Each is the caller's mistake, and told so.
#[test]
fn what_postgresql_cannot_take_is_refused_at_any_depth() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (inner, word) in [
        (r#"{"x":{"y":1,"y":2}}"#.to_owned(), "repeated"),
        (r#"{"x":1,"\u0078":2}"#.to_owned(), "repeated"),
        (r#"["a\u0000"]"#.to_owned(), "NUL"),
        (r#"{"a\u0000":1}"#.to_owned(), "NUL"),
        ("[1e131072]".to_owned(), "digits"),
        ("[1e-16384]".to_owned(), "digits"),
        (deep(32), "32 levels"),
        (deep(10_000), "32 levels"),
    ] {
        let body = format!(r#"{{"user_metadata":{{"a":1}},"other":{inner}}}"#);
        let Err(failure) = Body::read(body.as_bytes()) else {
            panic!("{inner} was accepted");
        };
        let public = failure.public();
        assert_eq!(public.status, StatusCode::BAD_REQUEST, "{inner}");
        assert!(public.error.contains(word), "{inner}: {}", public.error);
    }
    for inner in ["1e400", "-1.10e-400", r#"{"x":{"x":1}}"#, &deep(31)] {
        let body = format!(r#"{{"user_metadata":{inner}}}"#);
        let whole = Body::read(body.as_bytes()).ok().unwrap().whole();
        assert_eq!(whole, body);
    }
}

#[test]
fn account_codes_have_the_statuses_clients_know() {
    for (code, status) in [
        ("VALIDATION_FAILED", 400),
        ("WEAK_PASSWORD", 400),
        ("ALREADY_EXISTS", 409),
        ("INVALID_CREDENTIALS", 401),
        ("INVALID_TOKEN", 401),
        ("SIGNUP_DISABLED", 403),
        ("NOT_FOUND", 404),
        ("RATE_LIMITED", 429),
    ] {
        let found = status_of(code, Kind::Write).map(|status| status.as_u16());
        assert_eq!(found, Some(status), "{code}");
    }
    let link = status_of("INVALID_TOKEN", Kind::Link).map(|status| status.as_u16());
    assert_eq!(link, Some(400));
    // Disabled: what there is not to be had by mail is a bad request, everything else forbidden.
    for (kind, status) in [(Kind::Mail, 400), (Kind::Link, 400), (Kind::Write, 403)] {
        let found = status_of("FEATURE_DISABLED", kind).map(|status| status.as_u16());
        assert_eq!(found, Some(status), "{kind:?}");
    }
}
