use super::{Door, read};
use crate::error::Failure;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use bytes::Bytes;
use futures_util::stream;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

fn too_large() -> Failure {
    Failure::BodyTooLarge {
        limit: 10,
        endpoint_type: "rest",
    }
}

fn body(chunks: &[&'static str]) -> Payload {
    let chunks: Vec<Result<Bytes, PayloadError>> = chunks
        .iter()
        .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))
        .collect();
    Payload::Stream {
        payload: Box::pin(stream::iter(chunks)),
    }
}

#[actix_web::test]
async fn a_body_without_a_declared_length_is_counted_as_it_arrives() {
    let outcome = read(body(&["12345", "67890", "1"]), 10, LONG, too_large).await;
    assert!(
        matches!(outcome, Err(Failure::BodyTooLarge { .. })),
        "{outcome:?}"
    );
    let whole = read(body(&["12345", "67890"]), 10, LONG, too_large).await;
    assert_eq!(whole.unwrap(), "1234567890");
}

#[actix_web::test]
async fn a_body_that_never_ends_is_given_up() {
    let endless: Payload = Payload::Stream {
        payload: Box::pin(stream::pending()),
    };
    let outcome = read(endless, 10, Duration::from_millis(1), too_large).await;
    assert!(matches!(outcome, Err(Failure::BodySlow)), "{outcome:?}");
}

#[actix_web::test]
async fn a_body_that_breaks_off_is_not_taken_for_a_whole_one() {
    let broken: Vec<Result<Bytes, PayloadError>> = vec![
        Ok(Bytes::from_static(b"[1]")),
        Err(PayloadError::Incomplete(None)),
    ];
    let payload: Payload = Payload::Stream {
        payload: Box::pin(stream::iter(broken)),
    };
    let outcome = read(payload, 10, LONG, too_large).await;
    assert!(
        matches!(outcome, Err(Failure::BodyBroken(_))),
        "{outcome:?}"
    );
}

#[test]
fn credentials_are_ignored_on_exactly_the_public_account_endpoints() {
    for path in [
        "/api/v1/auth/signup",
        "/api/v1/auth/signin",
        "/api/v1/auth/login",
    ] {
        assert_eq!(Door::of(path), Door::PublicAccount, "{path}");
    }
    for path in [
        "/api/v1/auth/user",
        "/api/v1/auth/signin/",
        "/api/v1/auth/signin/x",
        "/api/v1/auth//signin",
        "/api/v1/AUTH/signin",
        "/api/v1/auth",
        "/",
    ] {
        assert_eq!(Door::of(path), Door::Account, "{path}");
    }
    for path in ["/api/v1/tables/auth/signin", "/api/v1/tables/x"] {
        assert_eq!(Door::of(path), Door::Tables, "{path}");
    }
}
