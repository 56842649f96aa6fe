use super::given::Given;
use super::tls::Tls;
use super::{ConfigError, Setting};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use tokio_postgres::config::{Host, SslMode};

/// A checked connection URL, and how what it leads to is encrypted. `Debug` of the driver's type shows no password.
#[derive(Clone, Debug)]
pub struct Login {
    /// Where, and as whom. TLS is not left to the driver: nothing of it stands here but the channel binding.
    pub config: tokio_postgres::Config,
    /// How.
    pub tls: Tls,
}

/// Parameters of libpq that the driver knows nothing of, or less.
const OURS: [&str; 5] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "channel_binding",
];

/// Those of a URL.
pub struct Parameters(BTreeMap<&'static str, String>);

impl Parameters {
    /// What it says of one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes them out of a URL, split as the driver splits it: a password may hold a `?`.
    fn split(url: &str) -> Result<(String, Self), &'static str> {
        let mut found = Self(BTreeMap::new());
        let behind = url.find('@').map_or(0, |at| at + 1);
        let Some(at) = url
            .get(behind..)
            .and_then(|rest| rest.find('?'))
            .map(|at| at + behind)
        else {
            return Ok((url.to_owned(), found));
        };
        let (before, query) = url.split_at(at);
        let mut rest = Vec::new();
        for pair in query.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            if name == "sslnegotiation" && value != "postgres" {
                return Err("sslnegotiation: only postgres is offered");
            }
            let Some(name) = OURS.into_iter().find(|ours| *ours == name) else {
                rest.push(pair);
                continue;
            };
            let value = percent_decode_str(value).decode_utf8();
            let value = value.map_err(|_| "a parameter is not UTF-8")?;
            if found.0.insert(name, value.into_owned()).is_some() {
                return Err("a parameter of TLS stands there twice");
            }
        }
        let mut url = before.to_owned();
        if !rest.is_empty() {
            url.push('?');
            url.push_str(&rest.join("&"));
        }
        Ok((url, found))
    }
}

impl Login {
    /// The URL of an option; `None` where it is not set.
    pub(super) fn read(given: &Given, setting: &Setting) -> Result<Option<Self>, ConfigError> {
        let text = given.text(setting);
        if text.is_empty() {
            return Ok(None);
        }
        // The parser's own message repeats parts of the URL, which may be the password.
        let (url, parameters) =
            Parameters::split(text).map_err(|why| given.malformed(setting.name, why))?;
        let url_form = url.starts_with("postgres://") || url.starts_with("postgresql://");
        let parsed = url_form
            .then(|| url.parse::<tokio_postgres::Config>().ok())
            .flatten();
        let Some(mut config) = parsed else {
            return Err(given.malformed(
                setting.name,
                "expected postgres://user:password@host:port/database with special characters percent-encoded",
            ));
        };
        let (hosts, ports) = (config.get_hosts().len(), config.get_ports().len());
        let addresses = config.get_hostaddrs().len();
        if hosts == 0 || (ports > 1 && ports != hosts) || (addresses > 0 && addresses != hosts) {
            return Err(given.malformed(
                setting.name,
                "the URL must name a host, or several with as many ports",
            ));
        }
        if config.get_user().is_none() || config.get_dbname().is_none() {
            return Err(given.malformed(setting.name, "the URL must name a user and a database"));
        }
        let socket = addresses == 0
            && config
                .get_hosts()
                .iter()
                .any(|host| matches!(host, Host::Unix(_)));
        let tls = Tls::read(given, setting, &parameters, socket)?;
        config
            .ssl_mode(SslMode::Disable)
            .channel_binding(tls.binding);
        Ok(Some(Self { config, tls }))
    }
}
