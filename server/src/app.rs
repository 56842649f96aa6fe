//! The map of the server: its state, its two layers, its routes.
//!
//! ```text
//!  outer   request id · client address · panic → 500 · error bodies · headers · one log line      (every request)
//!   └ gate   body limit · authenticate · rate limit · read the body                           (below /api/v1, /rest/v1, /graphql/v1)
//!      └ handler
//! ```

use crate::authenticate::{Keys, Verified};
use crate::catalog::{Served, Turn};
use crate::client::{self, ClientAddress};
use crate::config::{Config, Server};
use crate::cookies::Cookies;
use crate::db::{Db, DbError, Options};
use crate::error::{Failure, Form};
use crate::gate::{Passed, gate};
use crate::graphql::{Documents, Operations};
use crate::headers::RequestIds;
use crate::limit::Limiter;
use crate::limit::window::Standing;
use crate::openapi::{self, Descriptions};
use crate::{auth, graphql, headers, health, log, rest};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, guard, web};
use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use futures_util::FutureExt;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

/// Tokens remembered per worker; an entry takes about a kilobyte.
const VERIFIED_TOKENS: usize = 4096;

/// What all workers share. Parts that change are swapped whole.
pub struct Shared {
    /// As it was at the start.
    pub config: Config,
    /// How often each client has asked.
    pub limiter: Limiter,
    /// What makes and judges cookies, where they are on.
    pub cookies: Option<Cookies>,
    /// The relations and functions.
    pub served: ArcSwap<Served>,
    /// What roles may do with them, as told.
    pub descriptions: Descriptions,
    /// The GraphQL documents that the operator persisted.
    pub documents: Documents,
    /// What verifies tokens.
    pub keys: ArcSwap<Keys>,
    /// The public keys as a JSON Web Key Set, as the database gave them.
    pub jwks: ArcSwap<Bytes>,
    /// Whose turn it is to read them.
    pub keys_turn: Turn,
    /// The session that listens for changes; also asked for the health of the database, so that a
    /// busy pool does not look like a dead one.
    pub listener: ArcSwapOption<tokio_postgres::Client>,
}

/// What one worker thread has for itself, without locks.
pub struct Worker {
    /// What all workers share.
    pub shared: Arc<Shared>,
    /// Its connections.
    pub db: Db,
    /// Its memory of verified tokens.
    pub verified: RefCell<Verified>,
    /// Its memory of GraphQL documents.
    pub operations: RefCell<Operations>,
    /// Names requests that came without a name.
    pub request_ids: RequestIds,
}

impl Worker {
    /// A worker with at most so many connections.
    ///
    /// # Errors
    /// As [`Db::new`].
    pub fn new(
        shared: Arc<Shared>,
        options: Arc<Options>,
        connections: usize,
    ) -> Result<Self, DbError> {
        Ok(Self {
            shared,
            db: Db::new(options, connections)?,
            verified: RefCell::new(Verified::new(VERIFIED_TOKENS)),
            operations: RefCell::new(Operations::new(graphql::REMEMBERED)),
            request_ids: RequestIds::new(uuid::Uuid::new_v4().into_bytes()),
        })
    }
}

/// All routes.
pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/", web::get().to(health::root))
        .route("/health", web::get().to(health::health))
        .route("/.well-known/jwks.json", web::get().to(health::jwks))
        .service(
            web::scope("/api/v1")
                .wrap(from_fn(gate))
                // First: a route with a part that varies is an expression, tried in this order.
                .configure(tables)
                .service(graphql_at("/graphql"))
                .configure(account_routes)
                .service(only("/auth/csrf", "GET", web::get().to(auth::csrf)))
                .service(only(
                    "/auth/signin/idtoken",
                    "POST",
                    web::post().to(auth::id_token),
                ))
                .service(only(
                    "/auth/captcha/config",
                    "GET",
                    web::get().to(auth::captcha_config),
                ))
                .service(only(
                    "/auth/captcha/check",
                    "POST",
                    web::post().to(auth::captcha_check),
                ))
                .service(only(
                    "/openapi.json",
                    "GET, HEAD",
                    web::route().guard(reads()).to(openapi::fluxbase),
                ))
                .default_service(web::to(no_such_route)),
        )
        .service(
            web::scope("/rest/v1")
                .wrap(from_fn(gate))
                .service(
                    only(
                        "/",
                        "OPTIONS, GET, HEAD",
                        web::route().guard(reads()).to(openapi::postgrest),
                    )
                    .route(options().to(rest::options::root)),
                )
                // Which methods call a function is the compiler's word, in the form clients know.
                .service(
                    only(
                        "/rpc/{function}",
                        "OPTIONS, GET, HEAD, POST",
                        web::route()
                            .guard(of_a_table().or(guard::Put()))
                            .to(rest::postgrest_call),
                    )
                    .route(options().to(rest::options::function)),
                )
                .service(
                    only(
                        "/{table}",
                        "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE",
                        web::route()
                            .guard(of_a_table().or(guard::Put()))
                            .to(rest::postgrest_table),
                    )
                    .route(options().to(rest::options::table)),
                )
                .default_service(web::to(no_such_route)),
        )
        .service(graphql_at("/graphql/v1").wrap(from_fn(gate)));
}

fn graphql_at(path: &str) -> actix_web::Resource {
    only(path, "GET, HEAD, POST", web::post().to(graphql::post))
        .route(web::route().guard(reads()).to(graphql::get))
}

/// Tables and functions as the Fluxbase contract has them.
fn tables(scope: &mut web::ServiceConfig) {
    scope
        .service(only(
            "/tables/{table}",
            "GET, HEAD, POST, PATCH, DELETE",
            web::route().guard(of_a_table()).to(rest::table),
        ))
        // Before schema and table: a POST that means a table called query in another schema goes to /rest/v1.
        .service(
            web::resource("/tables/{table}/query")
                .guard(guard::Post())
                .to(rest::query),
        )
        .service(
            web::resource("/tables/{schema}/{table}/query")
                .guard(guard::Post())
                .to(rest::query_of_schema),
        )
        .service(only(
            "/tables/{schema}/{table}",
            "GET, HEAD, POST, PATCH, DELETE",
            web::route().guard(of_a_table()).to(rest::schema_and_table),
        ))
        .service(only(
            "/tables/{schema}/{table}/{id}",
            "GET, HEAD, PUT, PATCH, DELETE",
            web::route().guard(of_a_row()).to(rest::row),
        ))
        .service(only(
            "/rpc/procedures",
            "GET, HEAD",
            web::route().guard(reads()).to(rest::procedures),
        ))
        .service(only(
            "/rpc/{namespace}/{name}",
            "POST",
            web::post().to(rest::call),
        ));
}

/// Every row of [`auth::ACTS`]; rows of one path are one resource.
fn account_routes(scope: &mut web::ServiceConfig) {
    let mut by_path: BTreeMap<&'static str, Vec<&'static auth::Act>> = BTreeMap::new();
    for act in auth::ACTS {
        by_path.entry(act.path).or_default().push(act);
    }
    // Literal paths before those with a parameter, which would match them too.
    let mut paths: Vec<_> = by_path.into_iter().collect();
    paths.sort_by_key(|(path, _)| path.contains('{'));
    for (path, acts) in paths {
        let methods: Vec<&str> = acts.iter().map(|act| act.method).collect();
        // Made once per worker, for as long as the process lives.
        let allow: &'static str = Box::leak(methods.join(", ").into_boxed_str());
        let mut resource = web::resource(path);
        for act in acts {
            let prepared = auth::Prepared::new(act);
            let method = Method::from_bytes(act.method.as_bytes()).unwrap_or_default();
            resource = resource.route(web::method(method).to(
                move |http: HttpRequest, passed: Passed, worker: web::Data<Worker>| {
                    let prepared = prepared.clone();
                    async move { auth::run(&prepared, &http, &passed, &worker).await }
                },
            ));
        }
        scope.service(resource.default_service(web::to(move || async move {
            Err::<HttpResponse, _>(Failure::Method { allow })
        })));
    }
}

/// GET and HEAD.
pub(crate) fn reads() -> guard::AnyGuard {
    guard::Any(guard::Get()).or(guard::Head())
}

fn options() -> actix_web::Route {
    web::method(Method::OPTIONS)
}

fn of_a_table() -> guard::AnyGuard {
    reads()
        .or(guard::Post())
        .or(guard::Patch())
        .or(guard::Delete())
}

fn of_a_row() -> guard::AnyGuard {
    reads()
        .or(guard::Put())
        .or(guard::Patch())
        .or(guard::Delete())
}

/// A path with its methods; any other method is 405 and names them.
pub(crate) fn only(
    path: &str,
    allow: &'static str,
    route: actix_web::Route,
) -> actix_web::Resource {
    web::resource(path)
        .route(route)
        .default_service(web::to(move || async move {
            Err::<HttpResponse, _>(Failure::Method { allow })
        }))
}

/// What is not in the map.
///
/// # Errors
/// Always [`Failure::NoSuchRoute`].
pub async fn no_such_route() -> Result<HttpResponse, Failure> {
    Err(Failure::NoSuchRoute)
}

/// The id of a request, for handlers that pass it on.
#[derive(Clone)]
pub struct RequestId(pub Arc<str>);

/// The outer layer. Whatever happens inside becomes a response here, with its id and its headers.
///
/// # Errors
/// A finished response as well, where the inside left no request to attach it to.
pub async fn outer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let worker = request.app_data::<web::Data<Worker>>();
    let logging = worker.map(|worker| worker.shared.config.logging);
    let id: Arc<str> = match (headers::request_id(request.headers()), worker) {
        (Some(id), _) => id.into(),
        (None, Some(worker)) => worker.request_ids.next(),
        (None, None) => uuid::Uuid::new_v4().to_string().into(),
    };
    request.extensions_mut().insert(RequestId(Arc::clone(&id)));
    // The decoded path, by which the route will be found.
    let form = Form::of(request.match_info().as_str(), request.headers());
    let admitted = worker.map_or(Ok(()), |worker| {
        admit(&request, &worker.shared.config.server)
    });

    let answered = match admitted {
        Ok(()) => AssertUnwindSafe(next.call(request))
            .catch_unwind()
            .await
            .map(|answered| answered.map(ServiceResponse::map_into_boxed_body)),
        Err(failure) => {
            let (http, _) = request.into_parts();
            Ok(Ok(ServiceResponse::from_err(failure, http)))
        }
    };
    match answered {
        Ok(Ok(mut response)) => {
            let refused = response
                .response()
                .error()
                .map(|error| rendered(error, &id, form));
            let (mut response, reason) = match refused {
                Some((refusal, reason)) => (response.into_response(refusal), Some(reason)),
                None => {
                    headers::add(response.headers_mut(), &id);
                    (response, None)
                }
            };
            if reason.is_some() {
                headers::add(response.headers_mut(), &id);
            }
            let standing = response.request().extensions().get::<Standing>().copied();
            if let Some(standing) = standing {
                headers::add_standing(response.headers_mut(), standing);
            }
            log::request(&response, &id, reason.as_deref(), began.elapsed(), logging);
            Ok(response)
        }
        Ok(Err(error)) => Err(without_request(rendered(&error, &id, form), &id)),
        Err(_) => {
            let failure = Failure::Panicked;
            Err(without_request(
                (failure.respond(&id, form), failure.to_string()),
                &id,
            ))
        }
    }
}

/// Finds out where the request comes from, and whether anybody from there is served.
fn admit(request: &ServiceRequest, server: &Server) -> Result<(), Failure> {
    let peer = request
        .peer_addr()
        .as_ref()
        .map_or(client::NOWHERE, SocketAddr::ip);
    let address = client::address(peer, request.headers(), &server.trusted_proxies);
    request.extensions_mut().insert(ClientAddress(address));
    let allowed = &server.allowed_ip_ranges;
    if allowed.is_empty() || allowed.contains(address) {
        return Ok(());
    }
    Err(Failure::AddressNotAllowed)
}

/// The answer and, for the log, the reason.
fn rendered(error: &Error, id: &str, form: Form) -> (HttpResponse, String) {
    match error.as_error::<Failure>() {
        Some(failure) => (failure.respond(id, form), failure.to_string()),
        None => {
            let status = error.as_response_error().status_code();
            let failure = Failure::Foreign(status);
            (failure.respond(id, form), error.to_string())
        }
    }
}

fn without_request((mut response, reason): (HttpResponse, String), id: &str) -> Error {
    headers::add(response.headers_mut(), id);
    tracing::error!(
        request_id = id,
        status = response.status().as_u16(),
        reason,
        "request failed"
    );
    InternalError::from_response(reason, response).into()
}

#[cfg(test)]
mod tests;
