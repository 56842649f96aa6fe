//! Every failure → status, public code, body. Internals go to the log, never to the caller.
//!
//! [`Failure`] is the precise reason; [`Public`] is what the caller may know of it. The match in
//! [`Failure::public`] is exhaustive, and SQLSTATEs go through the closed table in `sqlstate`. Here is how it is told,
//! which the address decides.

mod failure;
mod graphql;
mod postgrest;
mod public;
mod sqlstate;
mod table;

pub use failure::{Account, Failure};
pub use public::Public;
pub use sqlstate::{Meaning, meaning};
pub use table::markdown_table;

use crate::reply::graphql::Media;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use serde::Serialize;

/// How a failure is told, which the address decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"error", "code", "request_id"}`
    Fluxbase,
    /// `{"code", "message", "details", "hint"}`
    PostgRest,
    /// `{"errors", "error", "code", "request_id"}`
    GraphQl(Media),
}

impl Form {
    /// That of a request to this decoded path.
    #[must_use]
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        if path == "/rest/v1" || path.starts_with("/rest/v1/") {
            Self::PostgRest
        } else if crate::graphql::PATHS.contains(&path) {
            Self::GraphQl(Media::of(headers))
        } else {
            Self::Fluxbase
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Fluxbase => "application/json",
            Self::PostgRest => "application/json; charset=utf-8",
            Self::GraphQl(media) => media.content_type(),
        }
    }
}

impl Failure {
    /// The complete answer.
    #[must_use]
    pub fn respond(&self, request_id: &str, form: Form) -> HttpResponse {
        let public = self.public();
        let (status, body) = match form {
            Form::Fluxbase => (public.status, self.body(&public, request_id, None)),
            Form::GraphQl(media) => (
                graphql::status(self, &public, media),
                self.graphql_body(request_id),
            ),
            Form::PostgRest => {
                let told = postgrest::told(self, &public);
                (told.status, told.body())
            }
        };
        let mut response = HttpResponse::build(status);
        if form == Form::PostgRest && status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(form.content_type())));
        if let Some(seconds) = public.retry_after
            && status != StatusCode::METHOD_NOT_ALLOWED
        {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(allow) = public.allow {
            response.insert_header((ALLOW, allow));
        }
        let cookies = match self {
            Self::Account(account) => account.cookies.as_slice(),
            Self::CsrfMissing {
                cookie: Some(cookie),
            } => std::slice::from_ref(cookie),
            _ => &[],
        };
        for cookie in cookies {
            response.append_header((SET_COOKIE, cookie.clone()));
        }
        response.body(body)
    }

    /// The body as GraphQL has it.
    #[must_use]
    pub fn graphql_body(&self, request_id: &str) -> String {
        let public = self.public();
        let errors = graphql::errors(self, &public);
        self.body(&public, request_id, Some(errors))
    }

    /// The body of the Fluxbase mount; that of GraphQL has a list of errors before it.
    fn body(&self, public: &Public, request_id: &str, errors: Option<serde_json::Value>) -> String {
        match self {
            Self::Account(account) => {
                let mut object = account.object.clone();
                object.insert("request_id".into(), request_id.into());
                serde_json::Value::Object(object).to_string()
            }
            _ => serde_json::to_string(&Body {
                errors,
                error: &public.error,
                code: public.code,
                message: public.message.as_deref(),
                retry_after: public.message.as_ref().and(public.retry_after),
                hint: public.hint.as_deref(),
                details: public.limit.map(|(max_bytes, endpoint_type)| Details {
                    max_bytes,
                    endpoint_type,
                }),
                required_scope: match self {
                    Self::ScopeMissing { required } => Some(required),
                    _ => None,
                },
                request_id,
            })
            .unwrap_or_default(),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<serde_json::Value>,
    error: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// Beside the message only; the header has it always.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_scope: Option<&'a str>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Details {
    max_bytes: usize,
    endpoint_type: &'static str,
}

#[cfg(test)]
mod tests;
