//! What may be asked without an account: alive, healthy, public keys.

use crate::app::Worker;
use crate::clock;
use crate::reply::json;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use std::time::Duration;

/// A database that needs longer for nothing at all is not healthy.
const PATIENCE: Duration = Duration::from_millis(500);

/// `GET /`: the process answers.
pub async fn root() -> HttpResponse {
    json(
        &mut HttpResponse::Ok(),
        Bytes::from_static(br#"{"status":"ok"}"#),
    )
}

/// `GET /health`: 200 when the database answers, else 503. Asked on the session that listens for
/// changes, so that a busy pool is not taken for a dead database.
pub async fn health(worker: web::Data<Worker>) -> HttpResponse {
    let alive = tokio::time::timeout(PATIENCE, async {
        loop {
            // None yet where the server has only just started.
            match worker.shared.listener.load_full() {
                Some(client) => return client.batch_execute("").await.is_ok(),
                None => tokio::time::sleep(PATIENCE / 50).await,
            }
        }
    });
    let alive = alive.await.unwrap_or(false);
    let (mut response, status) = if alive {
        (HttpResponse::Ok(), "ok")
    } else {
        (HttpResponse::ServiceUnavailable(), "degraded")
    };
    let now = clock::rfc3339(clock::now());
    let body = format!(
        r#"{{"status":"{status}","services":{{"database":{alive},"realtime":false}},"timestamp":"{now}"}}"#
    );
    response.insert_header((CACHE_CONTROL, "no-store"));
    json(&mut response, body.into())
}

/// `GET /.well-known/jwks.json`: the public keys that verify our tokens (RFC 7517).
pub async fn jwks(worker: web::Data<Worker>) -> HttpResponse {
    let keys = worker.shared.jwks.load_full();
    let mut response = HttpResponse::Ok();
    // A new key signs at once, so caches must not hold the old set for long.
    response.insert_header((CACHE_CONTROL, "public, max-age=60"));
    json(&mut response, (*keys).clone())
}
