//! What GraphQL's clients are told: the body of the Fluxbase mount, with `errors` before it. The sentence stands in both,
//! since some clients look at one and some at the other.

use super::{Failure, Public};
use crate::reply::graphql::Media;
use actix_web::http::StatusCode;
use fluxbase_compiler::graphql::{Code, Refusal};
use serde_json::{Value, json};

/// Status and words for an operation that was refused; the first of its errors decides.
pub(super) fn public(refusal: &Refusal) -> Public {
    let first = refusal.errors.first();
    let code = first.map_or(Code::ValidationFailed, |error| error.code);
    let message = first.map_or_else(String::new, |error| error.message.clone());
    let status = match code {
        Code::IntrospectionDisabled => StatusCode::FORBIDDEN,
        Code::NeedsPost => StatusCode::METHOD_NOT_ALLOWED,
        Code::ParseFailed | Code::ValidationFailed | Code::DepthLimit | Code::ComplexityLimit => {
            StatusCode::BAD_REQUEST
        }
    };
    Public {
        allow: (code == Code::NeedsPost).then_some("POST"),
        ..Public::new(status, code.as_str(), message)
    }
}

/// The status of a refusal: what is wrong with a document or its variables comes with 200 to who asks for plain JSON.
pub(super) fn status(failure: &Failure, public: &Public, media: Media) -> StatusCode {
    match failure {
        Failure::GraphQl(_)
            if media == Media::PlainJson && public.status == StatusCode::BAD_REQUEST =>
        {
            StatusCode::OK
        }
        _ => public.status,
    }
}

/// What stands in `errors`.
pub(super) fn errors(failure: &Failure, public: &Public) -> Value {
    if let Failure::GraphQl(refusal) = failure {
        return refusal.listed();
    }
    // The names that clients of GraphQL know; for everything else that of the other mount.
    let code = match public.status {
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::INTERNAL_SERVER_ERROR => "INTERNAL_SERVER_ERROR",
        _ => public.code,
    };
    match failure {
        Failure::Field { key, .. } => {
            json!([{"message": public.error, "path": [key], "extensions": {"code": code}}])
        }
        _ => json!([{"message": public.error, "extensions": {"code": code}}]),
    }
}
