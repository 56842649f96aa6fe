use super::Problem;
use crate::app::{self, Shared, Worker};
use crate::catalog::{Served, Snapshot, Turn, watch};
use crate::config::{Config, SslMode};
use crate::cookies::Cookies;
use crate::db::{DbError, Options};
use crate::graphiql;
use crate::graphql::Documents;
use crate::limit::Limiter;
use crate::mail::Mailer;
use crate::openapi::Descriptions;
use crate::thread::give_way;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use arc_swap::{ArcSwap, ArcSwapOption};
use socket2::SockRef;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Serves until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> Result<(), Problem> {
    crate::log::start(config.logging);
    let options = Arc::new(Options::new(&config.database, &config.api, &config.server)?);
    warn_of_plain_text(&options);
    let mailer = Mailer::new(&config)?;
    graphiql::require(&config.graphql)?;
    let documents = Documents::load(&config.graphql)?;
    let (session, snapshot) = super::check::ready(&config, &options).await?;

    let workers = workers(&config);
    let connections = config.database.max_connections / workers;
    let server = config.server.clone();
    let relations = snapshot.shape.catalog.relations().len();
    let shared = share(config, snapshot, documents);
    tokio::spawn(watch(Arc::clone(&shared), session, Arc::clone(&options)));

    let listening = HttpServer::new({
        move || {
            // Each worker has this done on its own thread.
            if let Err(error) = give_way() {
                tracing::debug!(%error, "a worker does not give way to PostgreSQL");
            }
            let (of_worker, options) = (Arc::clone(&shared), Arc::clone(&options));
            App::new()
                .wrap(from_fn(app::outer))
                // Done before the worker takes requests.
                .data_factory(move || worker(of_worker.clone(), options.clone(), connections))
                .configure(app::routes)
                .configure(graphiql::routes(&shared.config.graphql))
                .default_service(web::to(app::no_such_route))
        }
    })
    .workers(workers)
    .on_connect(move |connection, _| stop_waiting(connection, server.write_timeout))
    .keep_alive(server.idle_timeout)
    .shutdown_timeout(server.shutdown_timeout.as_secs())
    // A client that hung up has no use for the answer: its handler is dropped, its query cancelled.
    .h1_allow_half_closed(false)
    .bind(server.listen)
    .map_err(Problem::io("cannot listen on server.address"))?;
    tracing::info!(
        address = %server.listen,
        workers,
        connections = connections * workers,
        relations,
        "listening"
    );
    let mail = mailer.map(Mailer::start);
    let outcome = listening.run().await;
    // After the last request: what that caused to be sent is at least in the database.
    if let Some(mail) = mail {
        mail.stop(server.shutdown_timeout).await;
    }
    outcome.map_err(Problem::io("the server stopped"))
}

/// A worker with a session.
async fn worker(
    shared: Arc<Shared>,
    options: Arc<Options>,
    connections: usize,
) -> Result<Worker, DbError> {
    let worker = Worker::new(shared, options, connections)?;
    if let Err(error) = worker.db.open().await {
        tracing::warn!(%error, "a worker begins without a session");
    }
    Ok(worker)
}

/// From here on the system closes the connection when its client has taken nothing for so long. Nothing else would: what
/// was handed to the system is not waited for by anybody who counts the time.
fn stop_waiting(connection: &dyn Any, limit: Duration) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(limit))
    {
        tracing::debug!(%error, "a connection has no server.write_timeout");
    }
}

/// One per core, at least two, and never more than there are connections to share out.
fn workers(config: &Config) -> usize {
    let by_core = std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
    config
        .server
        .workers
        .unwrap_or(by_core)
        .min(config.database.max_connections)
}

fn share(config: Config, snapshot: Snapshot, documents: Documents) -> Arc<Shared> {
    Arc::new(Shared {
        limiter: Limiter::new(&config.rate_limiting),
        cookies: config
            .csrf
            .as_ref()
            .map(|csrf| Cookies::new(csrf, config.email.base_url.scheme() == "https")),
        served: ArcSwap::from_pointee(Served::new(snapshot.shape, &config)),
        config,
        descriptions: Descriptions::default(),
        documents,
        keys: ArcSwap::from_pointee(snapshot.keys),
        jwks: ArcSwap::from_pointee(snapshot.jwks),
        keys_turn: Turn::default(),
        listener: ArcSwapOption::empty(),
    })
}

/// Statements and tokens may travel to the database in plain text: fine on this machine, not over a
/// network one does not own.
fn warn_of_plain_text(options: &Options) {
    use tokio_postgres::config::Host;
    let remote = options.config.get_hosts().iter().any(|host| match host {
        Host::Unix(_) => false,
        Host::Tcp(name) => {
            let address: Option<std::net::IpAddr> = name.parse().ok();
            name != "localhost" && !address.is_some_and(|address| address.is_loopback())
        }
    });
    match options.tls.mode() {
        SslMode::Disable if remote => tracing::warn!(
            "the connection to the database is not encrypted and leaves this machine"
        ),
        SslMode::Prefer if remote => tracing::warn!(
            "the connection to the database leaves this machine, and is encrypted only if what answers there offers it; database.ssl_mode verify-full does not depend on that"
        ),
        _ => {}
    }
}
