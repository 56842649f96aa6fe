use super::{Account, Failure, Form};
use crate::authenticate::Refused;
use crate::db::{DbError, SqlState};
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use fluxbase_rules::Refusal;
use serde_json::{Value, json};

fn sql(state: &str, anonymous: bool) -> Failure {
    Failure::Database {
        error: DbError::Sql {
            state: SqlState::new(state),
            detail: None,
            message: "relation \"secret_table\" does not exist at select 1".into(),
            fatal: false,
            statement: false,
        },
        anonymous,
    }
}

/// Status and body as they go out.
fn sent(failure: &Failure) -> (u16, Value, Vec<(String, String)>) {
    let response = failure.respond("id-1", Form::Fluxbase);
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    (status, serde_json::from_slice(&body).unwrap(), headers)
}

#[test]
fn each_sqlstate_has_its_status_and_code() {
    for (state, status, code) in [
        ("FX001", 401, "INVALID_TOKEN"),
        ("FX002", 401, "EXPIRED_TOKEN"),
        ("FX003", 401, "REVOKED_TOKEN"),
        ("FX004", 401, "INVALID_TOKEN"),
        ("FX005", 403, "INSUFFICIENT_PERMISSIONS"),
        ("FX006", 500, "INTERNAL_ERROR"),
        ("FX007", 401, "AUTHENTICATION_REQUIRED"),
        ("FX008", 400, "INVALID_INPUT"),
        ("FX009", 503, "service_unavailable"),
        ("FX012", 400, "TOO_MANY_ROWS"),
        ("FX013", 406, "NOT_ONE_ROW"),
        ("42501", 403, "RLS_POLICY_VIOLATION"),
        ("23502", 400, "NOT_NULL_VIOLATION"),
        ("23503", 409, "FOREIGN_KEY_VIOLATION"),
        ("23001", 409, "FOREIGN_KEY_VIOLATION"),
        ("23505", 409, "DUPLICATE_KEY"),
        ("23514", 400, "CHECK_VIOLATION"),
        ("44000", 400, "CHECK_VIOLATION"),
        ("23P01", 409, "CONFLICT"),
        ("40001", 409, "CONFLICT"),
        ("40P01", 409, "CONFLICT"),
        ("22P02", 400, "INVALID_INPUT"),
        ("22003", 400, "INVALID_INPUT"),
        ("22007", 400, "INVALID_INPUT"),
        ("22021", 400, "INVALID_INPUT"),
        ("42703", 400, "INVALID_INPUT"),
        ("42803", 400, "INVALID_INPUT"),
        ("42883", 400, "INVALID_INPUT"),
        ("42804", 400, "INVALID_INPUT"),
        ("428C9", 400, "INVALID_INPUT"),
        ("21000", 400, "INVALID_INPUT"),
        ("54001", 400, "INVALID_INPUT"),
        ("P0001", 400, "VALIDATION_FAILED"),
        ("42P01", 404, "NOT_FOUND"),
        ("3F000", 404, "NOT_FOUND"),
        ("55000", 405, "METHOD_NOT_ALLOWED"),
        ("57014", 503, "service_unavailable"),
        ("57P01", 503, "service_unavailable"),
        ("57P03", 503, "service_unavailable"),
        ("53300", 503, "service_unavailable"),
        ("53200", 503, "service_unavailable"),
        ("55P03", 503, "service_unavailable"),
        ("25006", 503, "service_unavailable"),
        ("08006", 503, "service_unavailable"),
        ("42601", 500, "DATABASE_ERROR"),
        ("XX000", 500, "DATABASE_ERROR"),
        ("2D000", 500, "DATABASE_ERROR"),
        ("99999", 500, "DATABASE_ERROR"),
    ] {
        let (sent_status, body, headers) = sent(&sql(state, false));
        assert_eq!(
            (sent_status, &body["code"]),
            (status, &json!(code)),
            "{state}"
        );
        let retry = headers.iter().any(|(name, _)| name == "retry-after");
        assert_eq!(retry, status == 503, "{state}");
        let allow = headers.iter().any(|(name, _)| name == "allow");
        assert_eq!(allow, status == 405, "{state}");
    }
}

#[test]
fn a_visitor_is_asked_to_sign_in_where_a_user_is_refused() {
    let (status, body, _) = sent(&sql("42501", true));
    assert_eq!(status, 401);
    assert_eq!(
        body,
        json!({"error": "Authentication required", "code": "AUTHENTICATION_REQUIRED", "request_id": "id-1"})
    );
    let (status, body, _) = sent(&sql("42501", false));
    assert_eq!(status, 403);
    assert_eq!(
        body,
        json!({"error": "Insufficient permissions", "code": "RLS_POLICY_VIOLATION", "request_id": "id-1"})
    );
}

#[test]
fn nothing_of_the_database_reaches_the_caller() {
    let failures = [
        sql("42P01", false),
        sql("XX000", false),
        sql("23505", true),
        Failure::Database {
            error: DbError::Unreachable(
                "password authentication failed for \"secret_table\"".into(),
            ),
            anonymous: false,
        },
        Failure::Database {
            error: DbError::Protocol("secret_table".into()),
            anonymous: false,
        },
        Failure::Internal("secret_table"),
        Failure::BodyBroken("secret_table".into()),
    ];
    for failure in failures {
        let (_, body, _) = sent(&failure);
        let text = body.to_string();
        assert!(
            !text.contains("secret_table") && !text.contains("select"),
            "{text}"
        );
        assert_eq!(body["request_id"], "id-1");
        assert!(
            body["error"].is_string() && body["code"].is_string(),
            "{text}"
        );
    }
}

#[test]
fn the_log_keeps_values_of_a_refusal_to_itself_and_tells_our_own_failures() {
    assert_eq!(sql("23505", false).to_string(), "SQLSTATE 23505");
    assert!(sql("XX000", false).to_string().contains("secret_table"));
}

#[test]
fn each_failure_has_its_status_and_body() {
    let unavailable = |error| Failure::Database {
        error,
        anonymous: true,
    };
    for (failure, status, code) in [
        (
            unavailable(DbError::PoolExhausted),
            503,
            "service_unavailable",
        ),
        (
            unavailable(DbError::Unreachable("x".into())),
            503,
            "service_unavailable",
        ),
        (
            unavailable(DbError::Lost("x".into())),
            503,
            "service_unavailable",
        ),
        (unavailable(DbError::Silent), 503, "service_unavailable"),
        (unavailable(DbError::TimeZone), 400, "INVALID_INPUT"),
        (
            unavailable(DbError::Protocol("x".into())),
            500,
            "INTERNAL_ERROR",
        ),
        (
            unavailable(DbError::Unreadable("x".into())),
            500,
            "INTERNAL_ERROR",
        ),
        (
            Failure::Credential(Refused::NotBearer),
            401,
            "INVALID_TOKEN",
        ),
        (
            Failure::Credential(Refused::Twice("apikey")),
            401,
            "INVALID_TOKEN",
        ),
        (
            Failure::Credential(Refusal::Expired.into()),
            401,
            "EXPIRED_TOKEN",
        ),
        (
            Failure::Credential(Refusal::BadSignature.into()),
            401,
            "INVALID_TOKEN",
        ),
        (Failure::BodyBroken("x".into()), 400, "INVALID_REQUEST_BODY"),
        (Failure::BodySlow, 408, "INVALID_REQUEST_BODY"),
        (Failure::malformed("x"), 400, "INVALID_REQUEST_BODY"),
        (Failure::NoSuchRow, 404, "NOT_FOUND"),
        (Failure::AddressNotAllowed, 403, "ACCESS_DENIED"),
        (
            Failure::RateLimited { retry_after: 7 },
            429,
            "RATE_LIMIT_EXCEEDED",
        ),
        (Failure::NotDescribed, 404, "NOT_FOUND"),
        (Failure::NoSuchRoute, 404, "NOT_FOUND"),
        (Failure::DocumentUnknown, 400, "PERSISTED_QUERY_NOT_FOUND"),
        (Failure::DocumentNotPersisted, 403, "ACCESS_DENIED"),
        (
            Failure::WriteHitNothing { anonymous: true },
            401,
            "AUTHENTICATION_REQUIRED",
        ),
        (
            Failure::WriteHitNothing { anonymous: false },
            403,
            "RLS_POLICY_VIOLATION",
        ),
        (
            Failure::Foreign(StatusCode::URI_TOO_LONG),
            414,
            "INVALID_INPUT",
        ),
        (
            Failure::Foreign(StatusCode::BAD_GATEWAY),
            500,
            "INTERNAL_ERROR",
        ),
        (Failure::Internal("x"), 500, "INTERNAL_ERROR"),
        (Failure::Panicked, 500, "INTERNAL_ERROR"),
    ] {
        let (sent_status, body, headers) = sent(&failure);
        assert_eq!(
            (sent_status, &body["code"]),
            (status, &json!(code)),
            "{failure:?}"
        );
        assert!(headers.contains(&("content-type".into(), "application/json".into())));
    }
}

#[test]
fn a_body_too_large_is_told_the_limit() {
    let (status, body, _) = sent(&Failure::BodyTooLarge {
        limit: 1024,
        endpoint_type: "rest",
    });
    assert_eq!(status, 413);
    assert_eq!(
        body,
        json!({"error": "Payload Too Large", "code": "PAYLOAD_TOO_LARGE", "hint": "send at most 1024 bytes",
               "details": {"max_bytes": 1024, "endpoint_type": "rest"}, "request_id": "id-1"})
    );
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let (status, _, headers) = sent(&Failure::Method { allow: "GET, POST" });
    assert_eq!(status, 405);
    assert!(
        headers.contains(&("allow".into(), "GET, POST".into())),
        "{headers:?}"
    );
}

#[test]
fn a_refusal_of_an_account_function_keeps_its_words_and_gets_the_request_id() {
    let Value::Object(object) =
        json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
    else {
        panic!("an object");
    };
    let (status, body, _) = sent(&Failure::Account(Account {
        cookies: Vec::new(),
        status: StatusCode::UNAUTHORIZED,
        object,
    }));
    assert_eq!(status, 401);
    assert_eq!(
        body,
        json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS", "request_id": "id-1"})
    );
}
