use super::given::Given;
use super::{ConfigError, Login, Setting};
use std::time::Duration;

const URL: Setting = Setting::secret(
    "database.url",
    "",
    "postgres:// URL of the login fluxbase_app, a role without any right of its own. A socket directory is written as host, percent-encoded: postgres://fluxbase_app@%2Frun%2Fpostgresql/app. Several hosts (h1:5432,h2:5432) are tried in their order; target_session_attrs=read-write takes the one that writes.",
);
const ADMIN_URL: Setting = Setting::secret(
    "database.admin_url",
    "",
    "postgres:// URL of an administrator, read by `migrate` and `keys` only. Keep it out of the server's environment.",
);
const MAX_CONNECTIONS: Setting = Setting::plain(
    "database.max_connections",
    "50",
    "Connections that serve requests, over all workers. One more listens for schema changes.",
);
const POOL_TIMEOUT: Setting = Setting::plain(
    "database.pool_timeout",
    "500ms",
    "How long a request waits for a free connection; after it 503 with Retry-After.",
);
const CONNECT_TIMEOUT: Setting = Setting::plain(
    "database.connect_timeout",
    "800ms",
    "How long opening a connection may take, login included.",
);
const STATEMENT_TIMEOUT: Setting = Setting::plain(
    "database.statement_timeout",
    "30s",
    "The longest a statement may run inside PostgreSQL; after it 503.",
);
const STATEMENTS: Setting = Setting::plain(
    "database.prepared_statements",
    "128",
    "Statements a connection keeps prepared; the ones longest unused go first. PostgreSQL holds a plan of some ten kilobytes for each. With the executor `wire`, `0` sends each statement with its request and without a name, as PgBouncer in transaction mode wants it.",
);

const EXECUTOR: Setting = Setting::plain(
    "database.executor",
    "wire",
    "What runs requests for tables and functions: `wire`, our own, which sends each in one piece and lets short reads stand in line on few connections; or `deadpool`, the driver tokio-postgres, with a connection for each. Account functions always use the driver; under `wire` they have half as many connections of their own, at least four per worker.",
);

pub const SETTINGS: &[Setting] = &[
    URL,
    ADMIN_URL,
    MAX_CONNECTIONS,
    POOL_TIMEOUT,
    CONNECT_TIMEOUT,
    STATEMENT_TIMEOUT,
    STATEMENTS,
    EXECUTOR,
];

/// How to reach PostgreSQL.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where the server logs in, as `fluxbase_app`.
    pub login: Option<Login>,
    /// Where `migrate` and `keys` log in.
    pub admin: Option<Login>,
    /// Connections over all workers.
    pub max_connections: usize,
    /// Wait for a free one.
    pub pool_timeout: Duration,
    /// Wait for a new one.
    pub connect_timeout: Duration,
    /// Limit for one statement, enforced by PostgreSQL.
    pub statement_timeout: Duration,
    /// Prepared statements per connection.
    pub prepared_statements: usize,
    /// What runs requests.
    pub executor: Executor,
}

/// What runs requests for tables and functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// tokio-postgres, by way of deadpool.
    Deadpool,
    /// Our own.
    Wire,
}

impl Database {
    pub(super) fn read(given: &Given) -> Result<Self, ConfigError> {
        let executor = match given.one_of(&EXECUTOR, &["wire", "deadpool"])? {
            "deadpool" => Executor::Deadpool,
            _ => Executor::Wire,
        };
        // The driver has a name for every statement.
        let least = if executor == Executor::Wire { 0 } else { 2 };
        let second = Duration::from_secs(1);
        let millisecond = Duration::from_millis(1);
        Ok(Self {
            login: Login::read(given, &URL)?,
            admin: Login::read(given, &ADMIN_URL)?,
            max_connections: usize::try_from(given.integer(&MAX_CONNECTIONS, 1, 10_000)?)
                .unwrap_or(1),
            pool_timeout: given.duration(&POOL_TIMEOUT, millisecond, 60 * second)?,
            connect_timeout: given.duration(&CONNECT_TIMEOUT, millisecond, 60 * second)?,
            statement_timeout: given.duration(&STATEMENT_TIMEOUT, millisecond, 3600 * second)?,
            prepared_statements: usize::try_from(given.integer(&STATEMENTS, least, 10_000)?)
                .unwrap_or(2),
            executor,
        })
    }

    /// The login of the server.
    ///
    /// # Errors
    /// When `database.url` was not set.
    pub fn login(&self) -> Result<&Login, ConfigError> {
        self.login.as_ref().ok_or(ConfigError::Missing {
            name: URL.name,
            why: "set it in fluxbase.yaml, in FLUXBASE_DATABASE_URL or in DATABASE_URL",
        })
    }

    /// The login of the administrator.
    ///
    /// # Errors
    /// When neither `database.admin_url` nor `--admin-url` was given.
    pub fn admin(&self) -> Result<&Login, ConfigError> {
        self.admin.as_ref().ok_or(ConfigError::Missing {
            name: ADMIN_URL.name,
            why: "give --admin-url or set FLUXBASE_DATABASE_ADMIN_URL",
        })
    }
}
