//! The whole server without a database: everything that must be refused before one is needed, and
//! what is answered when there is none.

mod addresses;
mod cookies;
mod graphql;
mod limits;
mod postgrest;

use super::{Shared, Worker, no_such_route, outer, routes};
use crate::authenticate::Keys;
use crate::catalog::{Served, Shape, Turn};
use crate::config::{Config, Environment};
use crate::cookies::Cookies;
use crate::db::Options;
use crate::graphql::Documents;
use crate::limit::Limiter;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, read_body, try_call_service};
use actix_web::{App, HttpResponse, web};
use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use fluxbase_compiler::catalog::{Catalog, CatalogJson};
use fluxbase_rules::Keyring;
use fluxbase_rules::keys::sign_hs256;
use serde_json::Value;
use std::sync::Arc;

const SECRET: &str = "a secret for these tests, 32 bytes+";

const RELATIONS: &str = r#"[{"schema":"public","name":"posts","kind":"table","insertable":true,"updatable":true,
    "deletable":true,"row_security":true,"comment":null,"grants":4095,"primary_key":["id"],"unique_keys":[["id"]],
    "columns":[{"name":"id","type_schema":"pg_catalog","type_name":"int8","base_type":"int8","category":"N",
    "nullable":false,"has_default":false,"generation":"none","comment":null}]}]"#;

const LIMITS: &str = "server: {body_limits: {rest_limit: 100, auth_limit: 50}}";

fn worker(yaml: &str) -> Worker {
    // Port 1 refuses at once.
    let url = "postgres://fluxbase_app:x@127.0.0.1:1/d";
    let environment = Environment::from([("FLUXBASE_DATABASE_URL", url)]);
    let config = Config::from_text(yaml, &environment, Vec::new()).unwrap();
    let options = Arc::new(Options::new(&config.database, &config.api, &config.server).unwrap());
    let json = CatalogJson {
        relations: RELATIONS,
        schemas: r#"[{"name":"public","comment":null,"usage":7}]"#,
        ..CatalogJson::EMPTY
    };
    let shape = Shape {
        catalog: Catalog::from_json(1, &json).unwrap(),
        memberships: String::new(),
    };
    let mut ring = Keyring::new();
    ring.push_hs256(SECRET.as_bytes()).unwrap();
    let shared = Shared {
        cookies: config.csrf.as_ref().map(|csrf| Cookies::new(csrf, false)),
        limiter: Limiter::new(&config.rate_limiting),
        keys: ArcSwap::from_pointee(Keys {
            ring,
            expected: config.auth.settings.expected(),
            generation: 1,
        }),
        served: ArcSwap::from_pointee(Served::new(shape, &config)),
        config,
        descriptions: crate::openapi::Descriptions::default(),
        documents: Documents::default(),
        jwks: ArcSwap::from_pointee(Bytes::from_static(br#"{"keys":[]}"#)),
        keys_turn: Turn::default(),
        listener: ArcSwapOption::empty(),
    };
    Worker::new(Arc::new(shared), options, 1).unwrap()
}

async fn panics() -> HttpResponse {
    panic!("value that must not be told")
}

struct Answer {
    status: u16,
    body: Value,
    headers: HeaderMap,
}

async fn send(request: TestRequest) -> Answer {
    server(LIMITS).await(request).await
}

/// One server, for several requests.
async fn server(yaml: &str) -> impl AsyncFn(TestRequest) -> Answer {
    let app = init_service(
        App::new()
            .wrap(from_fn(outer))
            .app_data(web::Data::new(worker(yaml)))
            .configure(routes)
            .route("/panics", web::get().to(panics))
            .default_service(web::to(no_such_route)),
    )
    .await;
    async move |request: TestRequest| {
        let response: ServiceResponse = match try_call_service(&app, request.to_request()).await {
            Ok(response) => response,
            // The framework turns an error into its response after the outer layer.
            Err(error) => {
                let http = TestRequest::default().to_http_request();
                ServiceResponse::new(http, HttpResponse::from_error(error))
            }
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = read_body(response).await;
        Answer {
            status,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            headers,
        }
    }
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn code(answer: &Answer) -> &str {
    answer.body["code"].as_str().unwrap_or("none")
}

fn token() -> String {
    let payload = r#"{"sub":"00000000-0000-4000-8000-000000000001","role":"authenticated","exp":32503680000}"#;
    format!("Bearer {}", sign_hs256(SECRET.as_bytes(), payload).unwrap())
}

/// What every answer must have, whatever it says.
fn assert_dressed(answer: &Answer, what: &str) {
    let id = answer
        .headers
        .get("x-request-id")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(!id.is_empty(), "{what}");
    assert_eq!(
        answer.headers.get("x-frame-options").unwrap(),
        "DENY",
        "{what}"
    );
    assert_eq!(
        answer.headers.get("x-content-type-options").unwrap(),
        "nosniff",
        "{what}"
    );
    if answer.status >= 400 && answer.body["status"] != "degraded" {
        assert_eq!(answer.body["request_id"], id, "{what}: {}", answer.body);
        assert!(answer.body["error"].is_string(), "{what}");
        assert_eq!(
            answer.headers.get("content-type").unwrap(),
            "application/json",
            "{what}"
        );
    }
}

#[actix_web::test]
async fn every_refusal_is_dressed_alike_wherever_it_comes_from() {
    let tables = "/api/v1/tables/posts";
    let post = |path: &str| TestRequest::post().uri(path);
    let long = "x".repeat(101);
    for (what, request, status, expected) in [
        ("unknown route", get("/nope"), 404, "NOT_FOUND"),
        (
            "unknown route below the gate",
            get("/api/v1/nope"),
            404,
            "NOT_FOUND",
        ),
        (
            "trailing slash",
            get("/api/v1/tables/posts/"),
            404,
            "NOT_FOUND",
        ),
        (
            "wrong method of a table",
            TestRequest::put().uri(tables),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            "wrong method of an account",
            get("/api/v1/auth/signin"),
            405,
            "METHOD_NOT_ALLOWED",
        ),
        (
            "unknown table",
            get("/api/v1/tables/post"),
            404,
            "NOT_FOUND",
        ),
        (
            "unknown column",
            get("/api/v1/tables/posts?x=eq.1"),
            400,
            "INVALID_INPUT",
        ),
        (
            "a schema of ours",
            get("/api/v1/tables/auth/users"),
            404,
            "NOT_FOUND",
        ),
        (
            "bad token",
            get(tables).insert_header(("authorization", "Bearer x.y.z")),
            401,
            "INVALID_TOKEN",
        ),
        (
            "bad key",
            get(tables).insert_header(("apikey", "x")),
            401,
            "INVALID_TOKEN",
        ),
        (
            "bad token on an unknown route",
            get("/api/v1/nope").insert_header(("apikey", "x")),
            401,
            "INVALID_TOKEN",
        ),
        (
            "declared too large",
            post(tables)
                .insert_header(("content-length", "101"))
                .set_payload(long.clone()),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            "too large without saying so",
            post(tables)
                .insert_header(("transfer-encoding", "chunked"))
                .set_payload(long),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            "too large for an account",
            post("/api/v1/auth/signin").insert_header(("content-length", "51")),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            "no JSON",
            post(tables)
                .insert_header(("content-length", "1"))
                .set_payload("{"),
            400,
            "INVALID_REQUEST_BODY",
        ),
        (
            "no JSON for an account",
            post("/api/v1/auth/signup")
                .insert_header(("content-length", "1"))
                .set_payload("{"),
            400,
            "INVALID_REQUEST_BODY",
        ),
        ("panic", get("/panics"), 500, "INTERNAL_ERROR"),
    ] {
        let answer = send(request).await;
        assert_eq!(
            (answer.status, code(&answer)),
            (status, expected),
            "{what}: {}",
            answer.body
        );
        assert_dressed(&answer, what);
    }
}

#[actix_web::test]
async fn without_a_database_a_good_request_is_503_with_a_body() {
    for request in [
        get("/api/v1/tables/posts"),
        get("/api/v1/tables/posts").insert_header(("authorization", token())),
        get("/api/v1/tables/public/posts/1"),
        get("/api/v1/auth/user").insert_header(("authorization", token())),
    ] {
        let answer = send(request).await;
        assert_eq!((answer.status, code(&answer)), (503, "service_unavailable"));
        assert_eq!(answer.headers.get("retry-after").unwrap(), "1");
        assert_dressed(&answer, "no database");
    }
}

#[actix_web::test]
async fn what_needs_no_database_answers_without_one() {
    let root = send(get("/")).await;
    assert_eq!(
        (root.status, root.body),
        (200, serde_json::json!({"status": "ok"}))
    );
    let keys = send(get("/.well-known/jwks.json")).await;
    assert_eq!(
        (keys.status, keys.body),
        (200, serde_json::json!({"keys": []}))
    );
    let health = send(get("/health")).await;
    assert_eq!(health.status, 503);
    assert_eq!(health.body["status"], "degraded");
    assert_eq!(health.body["services"]["database"], false);
    assert_dressed(&health, "health");
}

#[actix_web::test]
async fn the_request_id_of_the_client_comes_back_unless_it_is_harmful() {
    let taken = send(get("/nope").insert_header(("x-request-id", "trace-1"))).await;
    assert_eq!(taken.headers.get("x-request-id").unwrap(), "trace-1");
    assert_eq!(taken.body["request_id"], "trace-1");
    let replaced = send(get("/nope").insert_header(("x-request-id", "a b\"}"))).await;
    assert_ne!(replaced.headers.get("x-request-id").unwrap(), "a b\"}");
    assert_dressed(&replaced, "replaced");
}

#[actix_web::test]
async fn a_panic_tells_nothing_of_itself() {
    let answer = send(get("/panics")).await;
    assert!(
        !answer
            .body
            .to_string()
            .contains("value that must not be told")
    );
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    for (path, allow) in [
        ("/api/v1/tables/posts", "GET, HEAD, POST, PATCH, DELETE"),
        (
            "/api/v1/tables/public/posts",
            "GET, HEAD, POST, PATCH, DELETE",
        ),
        (
            "/api/v1/tables/public/posts/1",
            "GET, HEAD, PUT, PATCH, DELETE",
        ),
        ("/api/v1/auth/signin", "POST"),
        ("/api/v1/auth/user", "GET, PATCH"),
        ("/api/v1/client-keys", "POST, GET"),
    ] {
        let answer = send(
            TestRequest::default()
                .method(actix_web::http::Method::TRACE)
                .uri(path),
        )
        .await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.headers.get("allow").unwrap(), allow, "{path}");
    }
}
