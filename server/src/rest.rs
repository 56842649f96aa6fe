//! The pipeline: parse → plan → print → run → reply, one call each. Its mounts differ in how a request is spelled and in
//! how an answer looks; between the two they are one.

pub mod options;
pub(crate) mod profile;
mod rpc;

pub use rpc::{call, procedures};

use crate::app::Worker;
use crate::config::Api;
use crate::error::Failure;
use crate::gate::Passed;
use crate::reply::{Done, fluxbase, postgrest};
use actix_web::http::Method as HttpMethod;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE, HeaderName, RANGE};
use actix_web::{HttpRequest, HttpResponse, web};
use fluxbase_compiler::Error;
use fluxbase_compiler::ask::Ask;
use fluxbase_compiler::plan::{Access, Limits, plan};
use fluxbase_compiler::rest::{Dialect, Method, Request, parse, parse_call, parse_query};
use fluxbase_compiler::sql::{self, Verb};
use fluxbase_rules::DatabaseRole;

/// `/api/v1/tables/{table}`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn table(
    http: HttpRequest,
    path: web::Path<String>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let asked = Asked::new(&http, &passed, Dialect::Fluxbase, &path);
    run(asked, &passed, &worker, |done| fluxbase::table(done, &http)).await
}

/// `/api/v1/tables/{schema}/{table}`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn schema_and_table(
    http: HttpRequest,
    path: web::Path<(String, String)>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let (schema, table) = &*path;
    let asked = Asked {
        schema: Some(schema),
        ..Asked::new(&http, &passed, Dialect::Fluxbase, table)
    };
    run(asked, &passed, &worker, |done| fluxbase::table(done, &http)).await
}

/// `/api/v1/tables/{schema}/{table}/{id}`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn row(
    http: HttpRequest,
    path: web::Path<(String, String, String)>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let (schema, table, id) = &*path;
    let asked = Asked {
        schema: Some(schema),
        id: Some(id),
        ..Asked::new(&http, &passed, Dialect::Fluxbase, table)
    };
    run(asked, &passed, &worker, |done| fluxbase::table(done, &http)).await
}

/// `/api/v1/tables/{table}/query`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn query(
    http: HttpRequest,
    path: web::Path<String>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let asked = Asked {
        parse: parse_query,
        ..Asked::new(&http, &passed, Dialect::Fluxbase, &path)
    };
    run(asked, &passed, &worker, |done| fluxbase::table(done, &http)).await
}

/// `/api/v1/tables/{schema}/{table}/query`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn query_of_schema(
    http: HttpRequest,
    path: web::Path<(String, String)>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let (schema, table) = &*path;
    let asked = Asked {
        schema: Some(schema),
        parse: parse_query,
        ..Asked::new(&http, &passed, Dialect::Fluxbase, table)
    };
    run(asked, &passed, &worker, |done| fluxbase::table(done, &http)).await
}

/// `/rest/v1/{table}`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn postgrest_table(
    http: HttpRequest,
    path: web::Path<String>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let profile = profile::of(&http, &worker.shared.config.api)?;
    let asked = Asked {
        schema: Some(profile.schema),
        ..Asked::new(&http, &passed, Dialect::PostgRest, &path)
    };
    run(asked, &passed, &worker, |done| {
        postgrest::answer(done, &http, profile.told())
    })
    .await
}

/// `/rest/v1/rpc/{function}`
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn postgrest_call(
    http: HttpRequest,
    path: web::Path<String>,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let profile = profile::of(&http, &worker.shared.config.api)?;
    let asked = Asked {
        schema: Some(profile.schema),
        parse: parse_call,
        ..Asked::new(&http, &passed, Dialect::PostgRest, &path)
    };
    run(asked, &passed, &worker, |done| {
        postgrest::answer(done, &http, profile.told())
    })
    .await
}

/// What is asked for, as the address says it.
struct Asked<'a> {
    http: &'a HttpRequest,
    dialect: Dialect,
    parse: for<'b> fn(&Request<'b>) -> Result<Ask<'b>, Error>,
    schema: Option<&'a str>,
    table: &'a str,
    id: Option<&'a str>,
    content_type: Option<&'a str>,
    body: &'a [u8],
}

impl<'a> Asked<'a> {
    fn new(http: &'a HttpRequest, passed: &'a Passed, dialect: Dialect, table: &'a str) -> Self {
        Self {
            http,
            dialect,
            parse,
            schema: None,
            table,
            id: None,
            content_type: header(http, CONTENT_TYPE),
            body: &passed.body,
        }
    }
}

async fn run(
    asked: Asked<'_>,
    passed: &Passed,
    worker: &Worker,
    reply: impl FnOnce(&Done<'_>) -> Result<HttpResponse, Failure>,
) -> Result<HttpResponse, Failure> {
    let caller = passed.caller()?;
    let statement = compile(&asked, caller.role(), worker)?;
    let anonymous = caller.is_anonymous();
    let scope = match (statement.reply.verb, statement.access) {
        (Verb::Call, _) => "execute:rpc",
        (_, Access::ReadOnly) => "read:tables",
        (_, Access::ReadWrite) => "write:tables",
    };
    let answer = worker
        .db
        .run_request(caller, &statement, scope)
        .await
        .map_err(|error| Failure::of_run(error, anonymous, scope))?;
    reply(&Done {
        statement: &statement,
        answer: &answer,
        anonymous,
    })
}

/// Parse → plan → print. Apart from what waits: whatever lived there would be moved about with it.
fn compile(
    asked: &Asked<'_>,
    role: DatabaseRole,
    worker: &Worker,
) -> Result<sql::Statement, Failure> {
    let http = asked.http;
    let api = &worker.shared.config.api;
    let prefer: Vec<&str> = http
        .headers()
        .get_all("prefer")
        .filter_map(|value| value.to_str().ok())
        .collect();
    let request = Request {
        schema: asked.schema,
        id: asked.id,
        query: http.query_string(),
        prefer: &prefer,
        accept: header(http, ACCEPT),
        content_type: asked.content_type,
        range: header(http, RANGE).filter(|_| asked.dialect == Dialect::PostgRest),
        unfiltered_writes: asked.dialect == Dialect::PostgRest && api.unfiltered_writes,
        body: asked.body,
        ..Request::new(asked.dialect, method(http.method())?, asked.table)
    };
    let served = worker.shared.served.load();
    let ask = (asked.parse)(&request)?;
    let plan = plan(&ask, &served.catalog, &limits(api, role, asked.dialect))?;
    Ok(sql::print(&plan))
}

fn header(http: &HttpRequest, name: HeaderName) -> Option<&str> {
    http.headers().get(name)?.to_str().ok()
}

/// How many rows an answer to that role may have.
pub fn limits(api: &Api, role: DatabaseRole, dialect: Dialect) -> Limits {
    Limits {
        default_page_size: api.default_page_size,
        max_page_size: api.max_page_size,
        max_total_results: (role != DatabaseRole::ServiceRole).then_some(api.max_total_results),
        aggregates: dialect == Dialect::Fluxbase || api.aggregates,
        plans: api.plan,
    }
}

/// The routes let no other method through.
fn method(method: &HttpMethod) -> Result<Method, Failure> {
    match *method {
        HttpMethod::GET | HttpMethod::HEAD => Ok(Method::Get),
        HttpMethod::POST => Ok(Method::Post),
        HttpMethod::PATCH => Ok(Method::Patch),
        HttpMethod::PUT => Ok(Method::Put),
        HttpMethod::DELETE => Ok(Method::Delete),
        _ => Err(Failure::Internal("a method without a meaning was routed")),
    }
}
