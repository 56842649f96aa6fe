//! Functions as the Fluxbase contract has them: `{"params", "async"}` in, an execution out; and the list of those there are.

use super::{Asked, run};
use crate::app::Worker;
use crate::db::DbError;
use crate::error::Failure;
use crate::gate::Passed;
use crate::reply::{self, fluxbase};
use actix_web::{HttpRequest, HttpResponse, web};
use fluxbase_compiler::Error;
use fluxbase_compiler::catalog::{Catalog, DEFAULT_SCHEMA};
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::rest::{Dialect, parse_call};
use fluxbase_compiler::sql::Statement;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::time::Instant;

/// The name space that the default schema goes by.
const DEFAULT: &str = "default";

/// `/api/v1/rpc/{namespace}/{name}`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn call(
    http: HttpRequest,
    path: web::Path<(String, String)>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let began = Instant::now();
    let (namespace, name) = &*path;
    let asked = Asked {
        schema: (namespace != DEFAULT).then_some(namespace),
        parse: parse_call,
        body: arguments(&passed.body)?.as_bytes(),
        content_type: None,
        ..Asked::new(&http, &passed, Dialect::Fluxbase, name)
    };
    run(asked, &passed, &worker, |done| {
        fluxbase::call(done, &worker.request_ids.next(), began.elapsed())
    })
    .await
}

/// The arguments in a body, as the text they were sent as.
fn arguments(body: &[u8]) -> Result<&str, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sent<'a> {
        #[serde(borrow)]
        params: Option<&'a RawValue>,
        r#async: Option<bool>,
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok("{}");
    }
    // What reads an object would also take an array, member by member.
    let object = body.trim_ascii_start().starts_with(b"{");
    let sent: Option<Sent<'_>> = serde_json::from_slice(body).ok().filter(|_| object);
    let sent = sent.ok_or_else(|| {
        Failure::malformed("The body must be an object with the members params and async")
    })?;
    if sent.r#async == Some(true) {
        return Err(Error::Unsupported("async").into());
    }
    match sent.params.map(RawValue::get) {
        None | Some("null") => Ok("{}"),
        Some(params) if params.starts_with('{') => Ok(params),
        Some(_) => Err(Failure::malformed("The field params must be an object")),
    }
}

/// What of the list is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only functions of this name space.
    namespace: Option<String>,
}

/// `/api/v1/rpc/procedures`: the functions the caller may call.
///
/// # Errors
/// When the database does not answer.
pub async fn procedures(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    const SCOPE: &str = "read:rpc";
    let caller = passed.caller()?;
    let anonymous = caller.is_anonymous();
    let wanted: Wanted = web::Query::from_query(http.query_string())
        .map(web::Query::into_inner)
        .map_err(|_| Failure::malformed("namespace is the only parameter"))?;
    let served = served(
        &worker.shared.served.load().catalog,
        wanted.namespace.as_deref(),
    );
    let statement = Statement::of_text(
        include_str!("procedures.sql").to_owned(),
        vec![served],
        Access::ReadOnly,
    );
    let answer = worker
        .db
        .run_request(caller, &statement, SCOPE)
        .await
        .map_err(|error| Failure::of_run(error, anonymous, SCOPE))?;
    let body = answer
        .bytes(0)
        .and_then(|body| body.ok_or_else(|| DbError::Protocol("no list".into())))
        .map_err(|error| Failure::Database { error, anonymous })?;
    Ok(reply::json(&mut HttpResponse::Ok(), body))
}

/// The names of the functions served, as JSON; overloads are one.
fn served(catalog: &Catalog, namespace: Option<&str>) -> String {
    let wanted = |schema: &str| match namespace {
        None => true,
        Some(DEFAULT) => schema == DEFAULT_SCHEMA,
        Some(namespace) => schema == namespace,
    };
    let names: BTreeSet<(&str, &str)> = catalog
        .all_functions()
        .iter()
        .filter(|function| !function.procedure && wanted(function.schema.as_str()))
        .map(|function| (function.schema.as_str(), function.name.as_str()))
        .collect();
    let rows = names
        .into_iter()
        .map(|(schema, name)| json!({"schema": schema, "name": name}));
    serde_json::Value::from_iter(rows).to_string()
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn arguments_are_taken_as_they_were_sent() {
        for (body, taken) in [
            ("", "{}"),
            (" \n", "{}"),
            ("{}", "{}"),
            (r#"{"params":null,"async":false}"#, "{}"),
            (
                r#"{"params": {"a" : 1.50, "b":[{}]} }"#,
                r#"{"a" : 1.50, "b":[{}]}"#,
            ),
        ] {
            assert_eq!(arguments(body.as_bytes()).unwrap(), taken, "{body}");
        }
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for body in [
            "[]",
            "1",
            "{",
            r#"[{"a":1},false]"#,
            r#"{"params":[1]}"#,
            r#"{"params":"a"}"#,
            r#"{"params":{},"params":{"a":1}}"#,
            r#"{"params":{},"user":"root"}"#,
            r#"{"params":{},"async":true}"#,
            r#"{"params":{},"async":"false"}"#,
        ] {
            let refused = arguments(body.as_bytes()).map_err(|failure| failure.public().status);
            assert_eq!(
                refused.map_err(|status| status.as_u16()),
                Err(400),
                "{body}"
            );
        }
    }
}
