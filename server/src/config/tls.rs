use super::given::Given;
use super::url::Parameters;
use super::{ConfigError, Setting};
use std::fmt;
use std::path::PathBuf;
use tokio_postgres::config::ChannelBinding;

const MODE: Setting = Setting::plain(
    "database.ssl_mode",
    "prefer",
    "TLS to PostgreSQL: `disable`, `prefer` (if the server offers it; checks nothing), `require` (checks nothing), `verify-ca` (the server's certificate is of an authority in database.ssl_root_cert) or `verify-full` (and for the host's name). Also sslmode in a URL. Over a unix socket there is never TLS.",
);
const ROOT_CERT: Setting = Setting::plain(
    "database.ssl_root_cert",
    "",
    "Certificates (PEM) that verify-ca and verify-full trust; `system`, with verify-full only, for those of the system. Also sslrootcert in a URL. Read at the start, as the two below.",
);
const CERT: Setting = Setting::plain(
    "database.ssl_cert",
    "",
    "Certificate (PEM), with those between it and its authority behind it, that PostgreSQL is shown. Also sslcert in a URL.",
);
const KEY: Setting = Setting::plain(
    "database.ssl_key",
    "",
    "Private key (PEM, without passphrase) of database.ssl_cert; a file that only its owner reads, or of root's that only root's group reads. Also sslkey in a URL.",
);
const CHANNEL_BINDING: Setting = Setting::plain(
    "database.channel_binding",
    "prefer",
    "Whether a login by password proves the server's certificate too: `require` logs in nowhere else, and so keeps out whoever stands in between with another certificate; `prefer`, `disable`. Also channel_binding in a URL.",
);

pub const SETTINGS: &[Setting] = &[MODE, ROOT_CERT, CERT, KEY, CHANNEL_BINDING];

/// How connections to PostgreSQL are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// When, and what is checked.
    pub mode: SslMode,
    /// Who is trusted.
    pub roots: Roots,
    /// What PostgreSQL is shown: files of a certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether the login proves the server's certificate.
    pub binding: ChannelBinding,
}

/// As libpq's `sslmode`, without `allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Where the server offers it.
    Prefer,
    /// Always.
    Require,
    /// With a certificate of a known authority.
    VerifyCa,
    /// And for the host's name.
    VerifyFull,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Nothing is checked.
    Unchecked,
    /// The system's.
    System,
    /// Those of a file.
    File(PathBuf),
}

impl SslMode {
    /// Whether a certificate is looked at.
    #[must_use]
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            "disable" => Ok(Self::Disable),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            "allow" => Err(
                "allow would encrypt only where the server insists, which protects nobody; write prefer or require",
            ),
            _ => Err("expected disable, prefer, require, verify-ca or verify-full"),
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

impl Tls {
    /// What the settings and the parameters of a URL say together. `url` is the option the URL stands in; `socket`
    /// whether it leads to a unix socket.
    pub(super) fn read(
        given: &Given,
        url: &Setting,
        parameters: &Parameters,
        socket: bool,
    ) -> Result<Self, ConfigError> {
        let reading = Reading {
            given,
            url,
            parameters,
        };
        let mode = reading.value(&MODE, "sslmode", SslMode::read)?;
        let binding = reading.value(&CHANNEL_BINDING, "channel_binding", |text| match text {
            "disable" => Ok(ChannelBinding::Disable),
            "prefer" => Ok(ChannelBinding::Prefer),
            "require" => Ok(ChannelBinding::Require),
            _ => Err("expected disable, prefer or require"),
        })?;
        let roots = match reading.text(&ROOT_CERT, "sslrootcert")? {
            "" => Roots::Unchecked,
            "system" => Roots::System,
            path => Roots::File(path.into()),
        };
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        let cert = path(reading.text(&CERT, "sslcert")?);
        let key = path(reading.text(&KEY, "sslkey")?);
        let wrong = |setting: &Setting, why: &str| Err(given.malformed(setting.name, why));
        match &roots {
            Roots::Unchecked if mode.verifies() => {
                return wrong(
                    &ROOT_CERT,
                    "verify-ca and verify-full need it: a file of certificates, or `system`",
                );
            }
            // libpq has one file mean that require is verify-ca after all; the other way round somebody
            // believes that something is checked.
            Roots::System | Roots::File(_) if !mode.verifies() => {
                return wrong(
                    &ROOT_CERT,
                    "only verify-ca and verify-full look at it; set database.ssl_mode or sslmode to one of them",
                );
            }
            Roots::System if mode == SslMode::VerifyCa => {
                return wrong(
                    &ROOT_CERT,
                    "anybody can have a certificate of one of the system's authorities: `system` needs verify-full",
                );
            }
            _ => {}
        }
        let identity = match (cert, key) {
            (None, None) => None,
            (Some(_), Some(_)) if mode == SslMode::Disable => {
                return wrong(&CERT, "without TLS no certificate is shown to PostgreSQL");
            }
            (Some(cert), Some(key)) => Some((cert, key)),
            (Some(_), None) => return wrong(&KEY, "the certificate needs its key"),
            (None, Some(_)) => return wrong(&CERT, "there is only a key"),
        };
        if binding == ChannelBinding::Require && (mode == SslMode::Disable || socket) {
            return wrong(
                &CHANNEL_BINDING,
                "require takes TLS: there is none with disable, and none over a unix socket",
            );
        }
        Ok(Self {
            mode,
            roots,
            identity,
            binding,
        })
    }
}

/// Two places where a thing may be said.
struct Reading<'a> {
    given: &'a Given,
    url: &'a Setting,
    parameters: &'a Parameters,
}

impl<'a> Reading<'a> {
    /// What one of them says, or both alike. The message never repeats the URL.
    fn text(&self, setting: &'a Setting, parameter: &str) -> Result<&'a str, ConfigError> {
        let in_url = self.parameters.get(parameter);
        match (in_url, self.given.explicit(setting.name)) {
            (Some(one), Some(other)) if one != other => Err(self.given.malformed(
                self.url.name,
                format!(
                    "{parameter} is not what {} says; write it in one place",
                    setting.name
                ),
            )),
            (Some(one), _) => Ok(one),
            (None, _) => Ok(self.given.text(setting)),
        }
    }

    fn value<T>(
        &self,
        setting: &'a Setting,
        parameter: &str,
        read: impl Fn(&str) -> Result<T, &'static str>,
    ) -> Result<T, ConfigError> {
        read(self.text(setting, parameter)?).map_err(|why| {
            if self.parameters.get(parameter).is_some() {
                let why = format!("{parameter}: {why}");
                self.given.malformed(self.url.name, why)
            } else {
                self.given.malformed(setting.name, why)
            }
        })
    }
}
