//! `OPTIONS` below `/rest/v1`: which methods there are, in `Allow`. No connection is taken.

use super::profile;
use crate::app::Worker;
use crate::error::Failure;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, web};
use fluxbase_compiler::Error;
use fluxbase_compiler::ask::TableName;
use fluxbase_compiler::catalog::Catalog;
use fluxbase_compiler::plan::methods;

/// Of a table or view.
///
/// # Errors
/// When there is none of that name.
pub async fn table(
    http: HttpRequest,
    path: web::Path<String>,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    answer(&http, &path, &worker, methods::of_table)
}

/// Of a function.
///
/// # Errors
/// When there is none of that name.
pub async fn function(
    http: HttpRequest,
    path: web::Path<String>,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    answer(&http, &path, &worker, methods::of_function)
}

/// Of the description of all.
pub async fn root() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((ALLOW, "OPTIONS, GET, HEAD"))
        .finish()
}

fn answer(
    http: &HttpRequest,
    name: &str,
    worker: &Worker,
    methods: fn(&Catalog, &TableName<'_>) -> Result<Vec<&'static str>, Error>,
) -> Result<HttpResponse, Failure> {
    let name = TableName {
        schema: Some(profile::of(http, &worker.shared.config.api)?.schema.into()),
        name: name.into(),
    };
    let methods = methods(&worker.shared.served.load().catalog, &name)?;
    Ok(HttpResponse::Ok()
        .insert_header((ALLOW, methods.join(", ")))
        .finish())
}
