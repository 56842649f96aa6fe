//! Account endpoints: one SQL call each. The database decides; here only the form of the body is
//! looked at and the answer is given its status.

mod credentials;

use crate::app::{RequestId, Worker};
use crate::db::{Answer, DbError};
use crate::error::{Account, Failure};
use crate::gate::Passed;
use crate::reply::json;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, USER_AGENT};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use credentials::Credentials;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::{Columns, Reply, Statement, Verb};
use serde_json::{Map, Value};

/// `POST /api/v1/auth/signup`
///
/// # Errors
/// Refusals of the account function, and of the database.
pub async fn sign_up(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let body = Credentials::read(&passed.body)?;
    let parameters = [
        Some(&*body.email),
        Some(&*body.password),
        Some(&*body.user_metadata),
        Some(&*context(&http)),
    ];
    let answer = worker
        .db
        .call(
            "select auth.sign_up($1, $2, $3::pg_catalog.jsonb, $4::pg_catalog.jsonb)::pg_catalog.text",
            &parameters,
        )
        .await;
    answered(answer, StatusCode::CREATED, true)
}

/// `POST /api/v1/auth/signin`, also `/login`
///
/// # Errors
/// Refusals of the account function, and of the database.
pub async fn sign_in(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let body = Credentials::read(&passed.body)?;
    let parameters = [
        Some(&*body.email),
        Some(&*body.password),
        Some(&*context(&http)),
    ];
    let answer = worker
        .db
        .call(
            "select auth.sign_in($1, $2, $3::pg_catalog.jsonb)::pg_catalog.text",
            &parameters,
        )
        .await;
    answered(answer, StatusCode::OK, true)
}

/// `POST /api/v1/auth/refresh`
///
/// # Errors
/// Refusals of the account function, and of the database.
pub async fn refresh(passed: Passed, worker: web::Data<Worker>) -> Result<HttpResponse, Failure> {
    let token = credentials::refresh_token(&passed.body)?;
    let answer = worker
        .db
        .call("select auth.refresh($1)::pg_catalog.text", &[Some(&*token)])
        .await;
    answered(answer, StatusCode::OK, true)
}

/// `POST /api/v1/auth/signout`, also `/logout`
///
/// # Errors
/// 401 for a visitor, refusals of the account function, and of the database.
pub async fn sign_out(passed: Passed, worker: web::Data<Worker>) -> Result<HttpResponse, Failure> {
    own(
        &passed,
        &worker,
        "select auth.sign_out()::pg_catalog.text",
        Access::ReadWrite,
    )
    .await
}

/// `GET /api/v1/auth/user`
///
/// # Errors
/// 401 for a visitor, refusals of the account function, and of the database.
pub async fn user(passed: Passed, worker: web::Data<Worker>) -> Result<HttpResponse, Failure> {
    own(
        &passed,
        &worker,
        "select auth.get_user()::pg_catalog.text",
        Access::ReadOnly,
    )
    .await
}

/// Calls an account function as the caller.
async fn own(
    passed: &Passed,
    worker: &Worker,
    sql: &str,
    access: Access,
) -> Result<HttpResponse, Failure> {
    let caller = passed.caller()?;
    let statement = Statement {
        sql: sql.into(),
        params: Vec::new(),
        access,
        columns: Columns {
            rows: None,
            total: None,
        },
        reply: Reply {
            verb: Verb::Read,
            single: true,
            has_body: true,
            offset: 0,
        },
    };
    let answer = worker.db.run_as(caller, &statement).await;
    answered(answer, StatusCode::OK, caller.is_anonymous())
}

/// Who asks, for the audit: the peer's address, since no proxy is trusted to name another.
fn context(http: &HttpRequest) -> String {
    let mut context = Map::new();
    if let Some(peer) = http.peer_addr() {
        context.insert("ip".into(), peer.ip().to_string().into());
    }
    if let Some(agent) = http
        .headers()
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok())
    {
        let agent: String = agent.chars().take(512).collect();
        context.insert("user_agent".into(), agent.into());
    }
    if let Some(RequestId(id)) = http.extensions().get::<RequestId>() {
        context.insert("request_id".into(), (**id).into());
    }
    Value::Object(context).to_string()
}

/// The reply of an account function: a result, or `{"error", "code"}`.
fn answered(
    answer: Result<Answer, DbError>,
    success: StatusCode,
    anonymous: bool,
) -> Result<HttpResponse, Failure> {
    let failed = |error| Failure::Database { error, anonymous };
    let body = answer.map_err(failed)?.bytes(0).map_err(failed)?;
    let body = body.ok_or(Failure::Internal("an account function answered null"))?;
    if let Some(refusal) = refusal(&body)? {
        return Err(refusal);
    }
    let mut response = HttpResponse::build(success);
    response.insert_header((CACHE_CONTROL, "no-store"));
    Ok(json(&mut response, body))
}

fn refusal(body: &Bytes) -> Result<Option<Failure>, Failure> {
    let strange = Failure::Internal("an account function answered something else than an object");
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Err(strange);
    };
    if !object.contains_key("error") {
        return Ok(None);
    }
    let code = object.get("code").and_then(Value::as_str).unwrap_or("");
    Ok(Some(match status_of(code) {
        Some(status) => Failure::Account(Account { status, object }),
        None => Failure::Internal("an account function refused with a code nobody knows"),
    }))
}

/// The closed list of codes an account function refuses with.
fn status_of(code: &str) -> Option<StatusCode> {
    Some(match code {
        "INVALID_INPUT"
        | "INVALID_EMAIL"
        | "MISSING_REQUIRED_FIELD"
        | "VALIDATION_FAILED"
        | "WEAK_PASSWORD"
        | "ALREADY_EXISTS" => StatusCode::BAD_REQUEST,
        "INVALID_CREDENTIALS"
        | "AUTHENTICATION_REQUIRED"
        | "INVALID_TOKEN"
        | "EXPIRED_TOKEN"
        | "REVOKED_TOKEN" => StatusCode::UNAUTHORIZED,
        "SIGNUP_DISABLED"
        | "PASSWORD_LOGIN_DISABLED"
        | "EMAIL_NOT_VERIFIED"
        | "PASSWORD_EXPIRED"
        | "ACCESS_DENIED" => StatusCode::FORBIDDEN,
        "RATE_LIMITED" | "TOO_MANY_REQUESTS" => StatusCode::TOO_MANY_REQUESTS,
        "BUSY" | "service_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
