use super::super::{Failure, Form};
use crate::authenticate::Refused;
use crate::db::{DbError, SqlState};
use actix_web::body::MessageBody;
use fluxbase_rules::Refusal;
use serde_json::{Value, json};

fn sql(state: &str, detail: Option<&str>, anonymous: bool) -> Failure {
    raised(
        state,
        "relation \"secret_table\" does not exist at select 1",
        detail,
        anonymous,
    )
}

fn raised(state: &str, message: &str, detail: Option<&str>, anonymous: bool) -> Failure {
    Failure::Database {
        error: DbError::Sql {
            state: SqlState::new(state),
            message: message.into(),
            detail: detail.map(Into::into),
            fatal: false,
            statement: false,
        },
        anonymous,
    }
}

/// Status, body and names of headers as they go out.
fn sent(failure: &Failure) -> (u16, Value, Vec<String>) {
    let response = failure.respond("id-1", Form::PostgRest);
    let status = response.status().as_u16();
    let headers = response.headers().keys().map(ToString::to_string).collect();
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    (status, serde_json::from_slice(&body).unwrap(), headers)
}

#[test]
fn each_sqlstate_has_the_status_clients_know_and_is_its_own_code() {
    for (state, status) in [
        ("23505", 409),
        ("23503", 409),
        ("23502", 400),
        ("23514", 400),
        ("42501", 403),
        ("22P02", 400),
        ("22003", 400),
        ("42703", 400),
        ("42883", 404),
        ("42P01", 404),
        ("25006", 405),
        ("21000", 400),
        ("P0001", 400),
        ("PT402", 402),
        ("PT503", 503),
        ("40001", 409),
        ("57014", 503),
        ("53300", 503),
        ("FX009", 503),
        ("FX010", 403),
    ] {
        let (sent_status, body, _) = sent(&sql(state, None, false));
        assert_eq!(
            (sent_status, &body["code"]),
            (status, &json!(state)),
            "{state}"
        );
    }
}

#[test]
fn what_stands_in_no_table_is_ours_and_says_nothing() {
    for state in [
        "XX000", "42601", "99999", "PT200", "PT999", "PTabc", "2D000",
    ] {
        let (status, body, _) = sent(&sql(state, Some("secret_table"), false));
        assert_eq!(status, 500, "{state}");
        assert_eq!(
            body,
            json!({"code": "PGRSTX00", "message": "Internal server error", "details": null, "hint": null})
        );
    }
}

#[test]
fn nothing_of_the_database_reaches_the_caller() {
    for state in [
        "42P01", "23505", "P0001", "PT404", "FX012", "FX013", "22P02", "XX000",
    ] {
        for anonymous in [false, true] {
            let (_, body, _) = sent(&sql(state, Some("Key (email)=(secret_table)"), anonymous));
            let text = body.to_string();
            assert!(
                !text.contains("secret_table") && !text.contains("select"),
                "{text}"
            );
        }
    }
}

#[test]
fn a_visitor_without_the_right_is_asked_for_a_token() {
    let (status, body, headers) = sent(&sql("42501", None, true));
    assert_eq!((status, &body["code"]), (401, &json!("42501")));
    assert!(
        headers.contains(&"www-authenticate".to_owned()),
        "{headers:?}"
    );
    let (status, _, headers) = sent(&sql("42501", None, false));
    assert_eq!(status, 403);
    assert!(
        !headers.contains(&"www-authenticate".to_owned()),
        "{headers:?}"
    );
}

#[test]
fn tokens_that_are_no_good_are_told_apart_as_clients_expect() {
    for (failure, code) in [
        (Failure::Credential(Refused::NotBearer), "PGRST301"),
        (
            Failure::Credential(Refusal::BadSignature.into()),
            "PGRST301",
        ),
        (Failure::Credential(Refusal::Expired.into()), "PGRST303"),
        (sql("FX001", None, false), "PGRST301"),
        (sql("FX002", None, false), "PGRST303"),
        (sql("FX003", None, false), "PGRST303"),
        (sql("FX007", None, true), "PGRST302"),
    ] {
        let (status, body, headers) = sent(&failure);
        assert_eq!((status, &body["code"]), (401, &json!(code)), "{failure:?}");
        assert!(headers.contains(&"www-authenticate".to_owned()));
    }
}

#[test]
fn numbers_of_rows_are_told_and_nothing_else_of_a_detail() {
    let (status, body, _) = sent(&sql("FX013", Some("0"), false));
    assert_eq!(status, 406);
    assert_eq!(
        body,
        json!({"code": "PGRST116", "message": "The result is not one single row",
               "details": "The result contains 0 rows", "hint": null})
    );
    let (status, read, _) = sent(&Failure::NotOneRow { rows: 0 });
    assert_eq!((status, read), (406, body));
    let (status, body, _) = sent(&sql("FX012", Some("12"), false));
    assert_eq!((status, &body["code"]), (400, &json!("PGRST124")));
    assert_eq!(body["details"], "It would touch 12 rows");
    let (_, body, _) = sent(&sql("FX012", Some("12 rows of secret_table"), false));
    assert_eq!(body["details"], Value::Null);
}

#[test]
fn a_function_says_what_it_wants_in_a_form_of_its_own() {
    let message = r#"{"code":"A42","message":"Pay first","details":{"due":3},"hint":"see /pay"}"#;
    let raise = |message: &str, detail: Option<&str>| {
        let (status, body, _) = sent(&raised("PGRST", message, detail, false));
        (status, body)
    };
    assert_eq!(
        raise(message, Some(r#"{"status":402,"headers":{}}"#)),
        (
            402,
            json!({"code": "A42", "message": "Pay first", "details": {"due": 3}, "hint": "see /pay"})
        )
    );
    // What is not written so is no message for the caller.
    for (message, detail) in [
        (message, None),
        (message, Some("{}")),
        (message, Some(r#"{"status":200}"#)),
        (message, Some(r#"{"status":302}"#)),
        (message, Some(r#"{"status":"402"}"#)),
        ("secret_table", Some(r#"{"status":402}"#)),
        (r#"{"code":"A42"}"#, Some(r#"{"status":402}"#)),
    ] {
        let (status, body) = raise(message, detail);
        assert_eq!(
            (status, &body["code"]),
            (500, &json!("PGRST121")),
            "{detail:?}"
        );
        assert!(!body.to_string().contains("secret_table"));
    }
}

#[test]
fn failures_without_sqlstate_have_codes_of_their_families() {
    let database = |error| Failure::Database {
        error,
        anonymous: false,
    };
    for (failure, status, code) in [
        (database(DbError::PoolExhausted), 504, "PGRST003"),
        (database(DbError::Unreachable("x".into())), 503, "PGRST000"),
        (database(DbError::Lost("x".into())), 503, "PGRST001"),
        (database(DbError::Silent), 503, "PGRST001"),
        (database(DbError::TimeZone), 400, "PGRST122"),
        (database(DbError::Protocol("x".into())), 500, "PGRSTX00"),
        (Failure::BodySlow, 408, "PGRST102"),
        (Failure::malformed("x"), 400, "PGRST102"),
        (Failure::CsrfWrong, 403, "PGRST302"),
        (
            Failure::ScopeMissing {
                required: "read:tables",
            },
            403,
            "42501",
        ),
        (Failure::AddressNotAllowed, 403, "42501"),
        (
            Failure::RateLimited { retry_after: 7 },
            429,
            "RATE_LIMIT_EXCEEDED",
        ),
        (Failure::NotDescribed, 404, "PGRST126"),
        (Failure::NoSuchRoute, 404, "PGRST125"),
        (Failure::Method { allow: "GET" }, 405, "PGRST117"),
        (Failure::AnotherRow, 400, "PGRST115"),
        (
            Failure::BeyondTheEnd {
                offset: 9,
                total: 5,
            },
            416,
            "PGRST103",
        ),
        (
            Failure::NoSuchSchema {
                served: vec!["a".into()],
            },
            406,
            "PGRST106",
        ),
        (Failure::Panicked, 500, "PGRSTX00"),
    ] {
        let (sent_status, body, _) = sent(&failure);
        assert_eq!(
            (sent_status, &body["code"]),
            (status, &json!(code)),
            "{failure:?}"
        );
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["code", "details", "hint", "message"]);
    }
}
