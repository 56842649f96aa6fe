use super::given::Given;
use super::{ConfigError, Setting};
use crate::client::Networks;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

const ADDRESS: Setting = Setting::plain(
    "server.address",
    "127.0.0.1:8080",
    "Address and port to listen on; `:8080` listens on every address of the machine.",
);
const PORT: Setting = Setting::plain("server.port", "", "Replaces the port of server.address.");
const WORKERS: Setting = Setting::plain(
    "server.workers",
    "0",
    "Threads that serve requests; 0 is one per core, at least two. Each has its own share of database.max_connections.",
);
const READ_TIMEOUT: Setting = Setting::plain(
    "server.read_timeout",
    "30s",
    "How long the body of a request may take to arrive; after it 408.",
);
const WRITE_TIMEOUT: Setting = Setting::plain(
    "server.write_timeout",
    "30s",
    "How long a client may take nothing of its answer; after it the connection is closed.",
);
const SPOOL_DIRECTORY: Setting = Setting::plain(
    "server.spool_directory",
    "",
    "Where answers of more than a mebibyte wait, in files without names, until the client has read them. Not set: the system's directory for temporary files.",
);
const IDLE_TIMEOUT: Setting = Setting::plain(
    "server.idle_timeout",
    "120s",
    "How long a connection without a request is kept open.",
);
const SHUTDOWN_TIMEOUT: Setting = Setting::plain(
    "server.shutdown_timeout",
    "10s",
    "How long running requests may take to finish after SIGTERM.",
);
const REST_LIMIT: Setting = Setting::plain(
    "server.body_limits.rest_limit",
    "1MiB",
    "Largest request body for tables and functions; counted as it arrives, above it 413.",
);
const AUTH_LIMIT: Setting = Setting::plain(
    "server.body_limits.auth_limit",
    "64KiB",
    "Largest request body of /api/v1/auth.",
);

const TRUSTED_PROXIES: Setting = Setting::list(
    "server.trusted_proxies",
    "",
    "Addresses and networks of the proxies in front, for instance `10.0.0.0/8`. Only what they write into X-Forwarded-For is believed; from anybody else the header is ignored.",
);
const ALLOWED_IP_RANGES: Setting = Setting::list(
    "server.allowed_ip_ranges",
    "",
    "Addresses and networks of the clients that are served, all paths included; others get 403. Not set: everybody.",
);

pub const SETTINGS: &[Setting] = &[
    ADDRESS,
    PORT,
    WORKERS,
    READ_TIMEOUT,
    WRITE_TIMEOUT,
    IDLE_TIMEOUT,
    SHUTDOWN_TIMEOUT,
    SPOOL_DIRECTORY,
    REST_LIMIT,
    AUTH_LIMIT,
    TRUSTED_PROXIES,
    ALLOWED_IP_RANGES,
];

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// Threads; `None` is one per core.
    pub workers: Option<usize>,
    /// Time for a body to arrive.
    pub read_timeout: Duration,
    /// Time a client may stop reading.
    pub write_timeout: Duration,
    /// Where large answers wait.
    pub spool_directory: PathBuf,
    /// Time a connection may idle.
    pub idle_timeout: Duration,
    /// Time to finish running requests at the end.
    pub shutdown_timeout: Duration,
    /// Bytes of a body for tables and functions.
    pub rest_limit: usize,
    /// Bytes of a body under /api/v1/auth.
    pub auth_limit: usize,
    /// Peers that may say whose request they pass on.
    pub trusted_proxies: Networks,
    /// Clients that are served; empty means all.
    pub allowed_ip_ranges: Networks,
}

impl Server {
    pub(super) fn read(given: &Given) -> Result<Self, ConfigError> {
        let address = given.text(&ADDRESS);
        let full = match address.strip_prefix(':') {
            Some(port) => format!("0.0.0.0:{port}"),
            None => address.to_owned(),
        };
        let mut listen: SocketAddr = full.parse().map_err(|_| {
            given.malformed(
                ADDRESS.name,
                "expected address:port, as in 127.0.0.1:8080, [::1]:8080 or :8080",
            )
        })?;
        if given.explicit(PORT.name).is_some() {
            let port = given.integer(&PORT, 1, u64::from(u16::MAX))?;
            listen.set_port(u16::try_from(port).unwrap_or(u16::MAX));
        }
        let workers = usize::try_from(given.integer(&WORKERS, 0, 1024)?).unwrap_or(0);
        let millisecond = Duration::from_millis(1);
        let hour = Duration::from_secs(3600);
        let trusted_proxies = networks(given, &TRUSTED_PROXIES)?;
        if trusted_proxies.holds_everybody() {
            return Err(given.malformed(
                TRUSTED_PROXIES.name,
                "trusting everybody lets every client choose its own address",
            ));
        }
        Ok(Self {
            listen,
            workers: (workers > 0).then_some(workers),
            read_timeout: given.duration(&READ_TIMEOUT, millisecond, hour)?,
            write_timeout: given.duration(&WRITE_TIMEOUT, Duration::from_secs(1), hour)?,
            spool_directory: match given.text(&SPOOL_DIRECTORY) {
                "" => std::env::temp_dir(),
                directory => directory.into(),
            },
            idle_timeout: given.duration(&IDLE_TIMEOUT, Duration::from_secs(1), hour)?,
            shutdown_timeout: given.duration(&SHUTDOWN_TIMEOUT, Duration::from_secs(1), hour)?,
            rest_limit: given.bytes(&REST_LIMIT)?,
            auth_limit: given.bytes(&AUTH_LIMIT)?,
            trusted_proxies,
            allowed_ip_ranges: networks(given, &ALLOWED_IP_RANGES)?,
        })
    }
}

fn networks(given: &Given, setting: &Setting) -> Result<Networks, ConfigError> {
    Networks::parse(given.text(setting))
        .map_err(|error| given.malformed(setting.name, error.to_string()))
}
