//! The pipeline: parse → plan → print → run → reply, one call each.

use crate::app::Worker;
use crate::error::Failure;
use crate::gate::Passed;
use crate::reply;
use actix_web::http::Method as HttpMethod;
use actix_web::{HttpRequest, HttpResponse, web};
use fluxbase_compiler::plan::{Access, Limits, plan};
use fluxbase_compiler::rest::{Dialect, Method, Request, parse};
use fluxbase_compiler::sql;
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
    run(&http, None, &path, None, &passed, &worker).await
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
    run(&http, Some(schema), table, None, &passed, &worker).await
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
    run(&http, Some(schema), table, Some(id), &passed, &worker).await
}

async fn run(
    http: &HttpRequest,
    schema: Option<&str>,
    table: &str,
    id: Option<&str>,
    passed: &Passed,
    worker: &Worker,
) -> Result<HttpResponse, Failure> {
    let caller = passed.caller()?;
    let prefer: Vec<&str> = http
        .headers()
        .get_all("prefer")
        .filter_map(|value| value.to_str().ok())
        .collect();
    let request = Request {
        schema,
        id,
        query: http.query_string(),
        prefer: &prefer,
        body: &passed.body,
        ..Request::new(Dialect::Fluxbase, method(http.method())?, table)
    };
    let statement = {
        let catalog = worker.shared.catalog.load();
        let ask = parse(&request)?;
        let plan = plan(&ask, &catalog, &limits(worker, caller.role()))?;
        sql::print(&plan)
    };
    let anonymous = caller.is_anonymous();
    let scope = match statement.access {
        Access::ReadOnly => "read:tables",
        Access::ReadWrite => "write:tables",
    };
    let answer = worker
        .db
        .run_as(caller, &statement, scope)
        .await
        .map_err(|error| Failure::of_run(error, anonymous, scope))?;
    reply::rest(&statement, &answer, anonymous)
}

fn limits(worker: &Worker, role: DatabaseRole) -> Limits {
    let api = &worker.shared.config.api;
    Limits {
        default_page_size: api.default_page_size,
        max_page_size: api.max_page_size,
        max_total_results: (role != DatabaseRole::ServiceRole).then_some(api.max_total_results),
        aggregates: true,
        plans: false,
    }
}

/// The routes let no other method through.
fn method(method: &HttpMethod) -> Result<Method, Failure> {
    match *method {
        HttpMethod::GET => Ok(Method::Get),
        HttpMethod::POST => Ok(Method::Post),
        HttpMethod::PATCH => Ok(Method::Patch),
        HttpMethod::PUT => Ok(Method::Put),
        HttpMethod::DELETE => Ok(Method::Delete),
        _ => Err(Failure::Internal("a method without a meaning was routed")),
    }
}
