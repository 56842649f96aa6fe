use super::given::Given;
use super::{ConfigError, Setting};
use std::time::Duration;

const LEVEL: Setting = Setting::plain(
    "logging.level",
    "info",
    "error, warn, info or debug. Tokens, passwords, keys and parameter values are in none of them.",
);
const FORMAT: Setting = Setting::plain(
    "logging.format",
    "text",
    "text or json, one line per event on standard error.",
);
const ACCESS_LOG: Setting = Setting::plain(
    "logging.access_log",
    "false",
    "Writes a line for every request; failed and slow ones are written anyway.",
);
const SLOW_REQUEST: Setting = Setting::plain(
    "logging.slow_request",
    "1s",
    "A request that took longer is written as a warning.",
);

pub const SETTINGS: &[Setting] = &[LEVEL, FORMAT, ACCESS_LOG, SLOW_REQUEST];

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What is written to standard error.
#[derive(Clone, Copy, Debug)]
pub struct Logging {
    /// The least important level written.
    pub level: tracing::Level,
    /// The form of a line.
    pub format: Format,
    /// A line for every request.
    pub access_log: bool,
    /// From here on a request is slow.
    pub slow_request: Duration,
}

impl Logging {
    pub(super) fn read(given: &Given) -> Result<Self, ConfigError> {
        let level = match given.one_of(&LEVEL, &["error", "warn", "info", "debug"])? {
            "error" => tracing::Level::ERROR,
            "warn" => tracing::Level::WARN,
            "debug" => tracing::Level::DEBUG,
            _ => tracing::Level::INFO,
        };
        let format = match given.one_of(&FORMAT, &["text", "json"])? {
            "json" => Format::Json,
            _ => Format::Text,
        };
        Ok(Self {
            level,
            format,
            access_log: given.boolean(&ACCESS_LOG)?,
            slow_request: given.duration(
                &SLOW_REQUEST,
                Duration::from_millis(1),
                Duration::from_secs(3600),
            )?,
        })
    }
}
