use super::connection::Opener;
use super::error::DbError;
use super::lease::Lease;
use super::tls::Tls;
use super::wire::Wire;
use crate::config::Executor;
use deadpool::managed::{Pool, PoolError, QueueMode, TimeoutType, Timeouts};
use futures_util::FutureExt;
use std::cell::Cell;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request waits for a connection in use before another is opened. Requests that take a fraction of a
/// millisecond are cheaper one after another on a backend that is warm than side by side on many that are
/// not (PostgreSQL's own time for a row by key falls by a third), and a burst on a cold server must not open
/// fifty connections at once; a slow query, on the other hand, must not hold up anybody for longer.
const PATIENCE: Duration = Duration::from_millis(10);

/// Without anybody waiting for this long, one connection is taken back.
const CALM: Duration = Duration::from_secs(1);

/// How connections are opened and for how long things may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address and login.
    pub config: tokio_postgres::Config,
    /// How connections are encrypted.
    pub tls: Tls,
    /// Wait for a free connection.
    pub pool_timeout: Duration,
    /// Opening one, login and first statements included.
    pub connect_timeout: Duration,
    /// Enforced by PostgreSQL; here only to notice when it does not answer at all.
    pub statement_timeout: Duration,
    /// Statements kept prepared per connection.
    pub prepared_statements: usize,
    /// Where answers wait that are too large for memory.
    pub spool_directory: Arc<PathBuf>,
    /// The statement that goes before that of each request for tables and functions.
    pub before_requests: Option<String>,
    /// What runs requests.
    pub executor: Executor,
}

/// What a request is run on: the connections of one worker thread.
///
/// Each worker has connections of its own, because a connection is driven by the thread that opened
/// it, and waking another thread costs more than all else the server does for a small request.
pub struct Db {
    pool: Pool<Opener>,
    options: Arc<Options>,
    connections: usize,
    calm_since: Cell<Instant>,
    wire: Option<Wire>,
}

impl Options {
    /// From the configuration.
    ///
    /// # Errors
    /// When `database.url` is not set, or a certificate cannot be read.
    pub fn new(
        database: &crate::config::Database,
        api: &crate::config::Api,
        server: &crate::config::Server,
    ) -> Result<Self, crate::config::ConfigError> {
        let login = database.login()?;
        let mut config = login.config.clone();
        let milliseconds = database.statement_timeout.as_millis();
        let given = config.get_options().map(|text| format!("{text} "));
        // A parameter of the session and not of each transaction: no message more, and what a request sets for itself
        // ends when the next one enters.
        let path = search_path(&api.schemas, &api.extra_search_path);
        config
            .options(format!(
                "{}-c statement_timeout={milliseconds}{}",
                given.unwrap_or_default(),
                path.unwrap_or_default()
            ))
            .application_name("fluxbase")
            .connect_timeout(database.connect_timeout)
            .tcp_user_timeout(database.statement_timeout + Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(30));
        Ok(Self {
            config,
            tls: Tls::load(&login.tls)?,
            pool_timeout: database.pool_timeout,
            connect_timeout: database.connect_timeout,
            statement_timeout: database.statement_timeout,
            prepared_statements: database.prepared_statements,
            spool_directory: Arc::new(server.spool_directory.clone()),
            executor: database.executor,
            before_requests: api
                .pre_request
                .as_ref()
                .map(|(schema, name)| format!("select {}.{}()", quoted(schema), quoted(name))),
        })
    }
}

/// ` -c search_path=…` of these schemas; nothing when none are added to those served, so that the database's stays.
fn search_path(served: &[String], extra: &[String]) -> Option<String> {
    if extra.is_empty() {
        return None;
    }
    let names: Vec<String> = served
        .iter()
        .chain(extra)
        .map(|name| quoted(name))
        .collect();
    let mut option = String::from(" -c search_path=");
    for letter in names.join(",").chars() {
        if letter.is_whitespace() || letter == '\\' {
            option.push('\\');
        }
        option.push(letter);
    }
    Some(option)
}

/// A name of the configuration as it stands in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Db {
    /// A pool of at most `connections`, opened when needed.
    ///
    /// # Errors
    /// Never with a Tokio runtime, which is the only one this is built for.
    pub fn new(options: Arc<Options>, connections: usize) -> Result<Self, DbError> {
        let timeouts = Timeouts {
            wait: Some(options.pool_timeout),
            create: Some(options.connect_timeout),
            recycle: None,
        };
        let pool = Pool::builder(Opener::new(Arc::clone(&options)))
            .max_size(1)
            .timeouts(timeouts)
            // The connection used last has its plans and its pages warm.
            .queue_mode(QueueMode::Lifo)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| DbError::Protocol(error.to_string()))?;
        // Account functions hash passwords: they have connections of their own, and take none away from requests.
        let (connections, wire) = match options.executor {
            Executor::Deadpool => (connections, None),
            Executor::Wire => {
                let wire = Wire::new(Arc::clone(&options), connections);
                ((connections / 2).max(4), Some(wire))
            }
        };
        Ok(Self {
            pool,
            options,
            connections,
            calm_since: Cell::new(Instant::now()),
            wire,
        })
    }

    /// Opens a session before anybody asks for it, so that no request pays for its login.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self) -> Result<(), DbError> {
        match self.wire() {
            Some(wire) => wire.open().await,
            None => self.ping().await,
        }
    }

    pub(super) fn wire(&self) -> Option<&Wire> {
        self.wire.as_ref()
    }

    pub(super) fn options(&self) -> &Arc<Options> {
        &self.options
    }

    /// Allows one more connection when all there are in use and none is being opened.
    fn grow(&self) {
        let now = self.pool.status();
        if now.size == now.max_size && now.available == 0 && now.max_size < self.connections {
            self.pool.resize(now.max_size + 1);
            self.calm_since.set(Instant::now());
        }
    }

    /// Takes back one connection for every second in which nobody had to wait for one.
    fn shrink(&self) {
        if self.calm_since.get().elapsed() < CALM {
            return;
        }
        self.calm_since.set(Instant::now());
        let now = self.pool.status();
        if now.max_size > 1 && now.available > 0 {
            self.pool.resize(now.max_size - 1);
        }
    }

    /// A connection that is idle and outside any transaction.
    pub(super) async fn lease(&self) -> Result<Lease, DbError> {
        let mut waiting = pin!(self.pool.get());
        let got = match waiting.as_mut().now_or_never() {
            Some(got) => {
                self.shrink();
                got
            }
            None => loop {
                tokio::select! {
                    biased;
                    got = waiting.as_mut() => break got,
                    () = tokio::time::sleep(PATIENCE) => self.grow(),
                }
            },
        };
        match got {
            Ok(object) => Ok(Lease::new(object, Arc::clone(&self.options))),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(DbError::PoolExhausted),
            Err(PoolError::Timeout(_)) => Err(DbError::Unreachable(
                "opening a connection took too long".into(),
            )),
            Err(PoolError::Backend(error)) => Err(error),
            Err(error) => Err(DbError::Unreachable(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{quoted, search_path};

    fn path(served: &[&str], extra: &[&str]) -> Option<String> {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        search_path(&names(served), &names(extra))
    }

    #[test]
    fn schemas_served_come_before_the_extra_ones() {
        let path = path(&["public", "app"], &["extensions"]).unwrap();
        assert_eq!(path, r#" -c search_path="public","app","extensions""#);
    }

    #[test]
    fn without_extra_schemas_the_databases_path_stays() {
        assert_eq!(path(&["public", "app"], &[]), None);
    }

    #[test]
    fn a_name_can_neither_end_its_quotes_nor_the_option() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        let path = path(&["a\" -c x=y"], &["b\\ c\td"]).unwrap();
        assert_eq!(
            path,
            " -c search_path=\"a\"\"\\ -c\\ x=y\",\"b\\\\\\ c\\\td\""
        );
    }
}
