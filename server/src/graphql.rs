//! `/api/v1/graphql` and `/graphql/v1`: the pipeline of tables with another parser and another reply. All fields of a
//! query are one statement; those of a mutation are statements of one transaction.

mod asked;
mod documents;
mod operations;
mod schemas;

pub use documents::Documents;
pub use operations::Operations;
pub use schemas::Schemas;

use crate::app::{RequestId, Worker};
use crate::caller::Caller;
use crate::error::Failure;
use crate::gate::Passed;
use crate::reply::graphql::{answer, body};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use asked::{Asked, Body};
use bytes::BytesMut;
use fluxbase_compiler::graphql::{Code, Compiled, Prepared, Request, Uses};
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement;
use std::rc::Rc;

/// Two names of one resource.
pub const PATHS: [&str; 2] = ["/api/v1/graphql", "/graphql/v1"];

/// Bytes of documents that one worker remembers.
pub const REMEMBERED: usize = 512 << 10;

/// A query in the body.
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn post(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let max_batch = served(&worker)?;
    let content_type = http.headers().get(CONTENT_TYPE);
    let content_type = content_type.map(|text| text.to_str().unwrap_or("?"));
    let caller = passed.caller()?;
    match Body::read(content_type, &passed.body, max_batch)? {
        Body::One(asked) => Ok(answer(&http, run(&asked, caller, &worker).await?.freeze())),
        Body::Batch(all) => Ok(answer(
            &http,
            batch(&all, caller, &worker, &http).await.freeze(),
        )),
    }
}

/// A query in the address, which changes nothing; without one, the schema.
///
/// # Errors
/// Whatever stopped the pipeline.
pub async fn get(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    served(&worker)?;
    let asked = Asked::addressed(http.query_string())?;
    let body = run(&asked, passed.caller()?, &worker).await?;
    Ok(answer(&http, body.freeze()))
}

/// Whether there is anything here; if so, how many operations a body may hold.
fn served(worker: &Worker) -> Result<u64, Failure> {
    let graphql = &worker.shared.config.graphql;
    match graphql.enabled {
        true => Ok(graphql.max_batch),
        false => Err(Failure::NoSuchRoute),
    }
}

/// One after the other, each in a transaction of its own: what one is refused says nothing of the others.
async fn batch(
    all: &[Asked<'_>],
    caller: &Caller,
    worker: &Worker,
    http: &HttpRequest,
) -> BytesMut {
    let mut list = BytesMut::from("[");
    for (place, asked) in all.iter().enumerate() {
        if place > 0 {
            list.extend_from_slice(b",");
        }
        match run(asked, caller, worker).await {
            Ok(body) => list.extend_from_slice(&body),
            Err(failure) => {
                if failure.public().status.is_server_error() {
                    tracing::error!(%failure, "an operation of a list failed");
                }
                let extensions = http.extensions();
                let id = extensions.get::<RequestId>().map_or("", |id| &*id.0);
                list.extend_from_slice(failure.graphql_body(id).as_bytes());
            }
        }
    }
    list.extend_from_slice(b"]");
    list
}

async fn run(asked: &Asked<'_>, caller: &Caller, worker: &Worker) -> Result<BytesMut, Failure> {
    let compiled = match compiled(asked, caller, worker) {
        Ok(compiled) => compiled,
        Err(failure) => {
            if caller.is_key() && tells_of_the_schema(&failure) {
                vouched(caller, worker).await?;
            }
            return Err(failure);
        }
    };
    if compiled.statements.is_empty() {
        vouched(caller, worker).await?;
    }
    let anonymous = caller.is_anonymous();
    let scope = scope(&compiled);
    let answers = worker
        .db
        .run_requests(caller, &compiled.statements, scope)
        .await
        .map_err(|stopped| {
            let key = stopped.statement.and_then(|place| compiled.key(place));
            Failure::of_run(stopped.error, anonymous, scope).of_field(key)
        })?;
    body(&compiled, &answers, anonymous)
}

/// Whether a refusal says what there is for the role: everything but the grammar does.
fn tells_of_the_schema(failure: &Failure) -> bool {
    match failure {
        Failure::GraphQl(refusal) => {
            let mut errors = refusal.errors.iter();
            errors.any(|error| error.code != Code::ParseFailed)
        }
        _ => false,
    }
}

/// Has PostgreSQL look at a credential where no statement does. Keys are known to nobody else: without this, whatever
/// looks like one would be shown the schema of the role that such keys have.
async fn vouched(caller: &Caller, worker: &Worker) -> Result<(), Failure> {
    const SCOPE: &str = "read:tables";
    if caller.token().is_none() {
        return Ok(());
    }
    let nothing = Statement::of_text("select null".to_owned(), Vec::new(), Access::ReadOnly);
    match worker.db.run_request(caller, &nothing, SCOPE).await {
        Ok(_) => Ok(()),
        Err(error) => match Failure::of_run(error, caller.is_anonymous(), SCOPE) {
            // A key for other things is a key all the same.
            Failure::ScopeMissing { .. } => Ok(()),
            failure => Err(failure),
        },
    }
}

/// From the text, or from what is known of it.
fn compiled(asked: &Asked<'_>, caller: &Caller, worker: &Worker) -> Result<Rc<Compiled>, Failure> {
    let shared = &worker.shared;
    let (text, hash) = asked.document(&shared.documents, shared.config.graphql.persisted_only)?;
    let served = shared.served.load();
    let role = caller.role();
    let of_role = served
        .graphql
        .as_ref()
        .ok_or(Failure::NoSuchRoute)?
        .of(role);
    let request = Request {
        query: text,
        operation: asked.operation.as_deref(),
        variables: asked.variables.as_deref(),
        may_write: asked.may_write,
    };
    let (schema, options) = (&of_role.schema, &of_role.options);
    let mut operations = worker.operations.borrow_mut();
    if let Some(known) = operations.get(hash, role, schema.generation()) {
        return Ok(known.compile(&request, &served.catalog, schema, options)?);
    }
    let prepared = Prepared::read(text, options)?;
    let compiled = prepared.compile(&request, &served.catalog, schema, options)?;
    // Only what holds is kept: a refusal costs the same each time, and pushes out nothing.
    operations.put(hash, role, Rc::new(prepared));
    Ok(compiled)
}

/// What a key needs: for tables and functions the same as where they have addresses of their own, for both in one
/// operation both.
fn scope(compiled: &Compiled) -> &'static str {
    let mut statements = compiled.statements.iter();
    let writes = statements.any(|one| one.access == Access::ReadWrite);
    let Uses { tables, functions } = compiled.uses;
    match (tables, functions, writes) {
        (true, false, false) => "read:tables",
        (true, false, true) => "write:tables",
        (true, true, false) => "read:tables execute:rpc",
        (true, true, true) => "write:tables execute:rpc",
        (false, ..) => "execute:rpc",
    }
}
