//! The two addresses of the document, and the documents there are.

use super::{Mount, View, document};
use crate::app::Worker;
use crate::caller::Caller;
use crate::config::Describe;
use crate::error::Failure;
use crate::gate::Passed;
use crate::reply::tag;
use crate::rest::profile;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use fluxbase_compiler::Error;
use fluxbase_compiler::catalog::{Catalog, Role};
use fluxbase_compiler::error::QueryError;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement;
use fluxbase_rules::DatabaseRole;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const SCOPE: &str = "read:tables";

/// What clients of PostgREST ask for by name.
const OPENAPI_JSON: &str = "application/openapi+json";

/// A document as it goes out.
#[derive(Debug)]
pub struct Document {
    body: Bytes,
    tag: String,
}

/// The documents of one generation of the catalog, made when they are first asked for. There are no more than roles
/// times schemas.
#[derive(Debug, Default)]
pub struct Descriptions(Mutex<Made>);

#[derive(Debug, Default)]
struct Made {
    generation: u64,
    documents: HashMap<View, Arc<Document>>,
}

impl Descriptions {
    /// The document of this catalog for that view.
    fn get(&self, catalog: &Catalog, view: View) -> Arc<Document> {
        let generation = catalog.generation();
        {
            let made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if made.generation == generation
                && let Some(document) = made.documents.get(&view)
            {
                return Arc::clone(document);
            }
        }
        // Not under the lock: of thousands of tables it takes long enough for others to wait.
        let body = Bytes::from(document(catalog, &view).to_string());
        let tag = tag::of(&body, None);
        let document = Arc::new(Document { body, tag });
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A request that began with the catalog before keeps its document to itself.
        if made.generation < generation {
            *made = Made {
                generation,
                documents: HashMap::new(),
            };
        }
        if made.generation == generation {
            made.documents.insert(view, Arc::clone(&document));
        }
        document
    }
}

/// `GET /api/v1/openapi.json`
///
/// # Errors
/// When the caller's credential does not hold, or the document is switched off.
pub async fn fluxbase(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    answer(&http, &passed, &worker, Mount::Fluxbase).await
}

/// `GET /rest/v1/`, of the schema that `Accept-Profile` names.
///
/// # Errors
/// As [`fluxbase`], and when there is no such schema.
pub async fn postgrest(
    http: HttpRequest,
    passed: Passed,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Failure> {
    let schema = profile::of(&http, &worker.shared.config.api)?
        .schema
        .to_owned();
    answer(&http, &passed, &worker, Mount::PostgRest { schema }).await
}

async fn answer(
    http: &HttpRequest,
    passed: &Passed,
    worker: &Worker,
    mount: Mount,
) -> Result<HttpResponse, Failure> {
    if worker.shared.config.api.openapi == Describe::Off {
        return Err(Failure::NotDescribed);
    }
    let content_type = content_type(http)?;
    let caller = passed.caller()?;
    admit(caller, worker).await?;
    let view = View {
        role: role(caller.role()),
        mount,
    };
    let document = worker
        .shared
        .descriptions
        .get(&worker.shared.served.load().catalog, view);
    let known = tag::is_known(http.headers(), &document.tag);
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((ETAG, document.tag.as_str()))
        // Another caller's is another document.
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((VARY, "Accept, Accept-Profile, Authorization, apikey"));
    if known {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, content_type));
    Ok(response.body(document.body.clone()))
}

/// PostgreSQL alone knows whether the caller's session lives and whether a key exists, so it is asked.
async fn admit(caller: &Caller, worker: &Worker) -> Result<(), Failure> {
    let anonymous = caller.is_anonymous();
    let statement = Statement::of_text("select ''".to_owned(), Vec::new(), Access::ReadOnly);
    worker
        .db
        .run_request(caller, &statement, SCOPE)
        .await
        .map(|_| ())
        .map_err(|error| Failure::of_run(error, anonymous, SCOPE))
}

fn role(role: DatabaseRole) -> Role {
    match role {
        DatabaseRole::Anon => Role::Anon,
        DatabaseRole::Authenticated => Role::Authenticated,
        DatabaseRole::ServiceRole => Role::ServiceRole,
    }
}

/// The type the caller takes; the plain one when it has no wish.
fn content_type(http: &HttpRequest) -> Result<&'static str, Failure> {
    let Some(accept) = http
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
    else {
        return Ok(OPENAPI_JSON);
    };
    let types = accept
        .split(',')
        .map(|one| one.split(';').next().unwrap_or_default().trim());
    for one in types {
        match one.to_ascii_lowercase().as_str() {
            "*/*" | "application/*" | OPENAPI_JSON | "" => return Ok(OPENAPI_JSON),
            "application/json" => return Ok("application/json"),
            _ => {}
        }
    }
    let refused = QueryError::NotAcceptable(accept.into());
    Err(Error::from(refused).into())
}
