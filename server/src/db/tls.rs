//! TLS to PostgreSQL: asking for it, whom to trust, and what of the certificate a login is bound to.
//!
//! The driver is handed a socket that is encrypted already, so that large answers can be cut out of what was decrypted
//! (`spool.rs`) and both executors ask in the same words.

mod certificate;
mod encrypted;
mod verify;

use super::socket::Socket;
use crate::config::{self, ConfigError, Roots, SslMode};
pub use encrypted::Encrypted;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use verify::{Trust, Verifier};

/// `SSLRequest` of PostgreSQL's protocol.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How connections are encrypted, with every file read.
#[derive(Clone)]
pub struct Tls {
    mode: SslMode,
    /// A session that is encrypted is cancelled over TLS or not at all.
    insists: bool,
    connector: Option<TlsConnector>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// When a file is not what it has to be.
    pub fn load(settings: &config::Tls) -> Result<Self, ConfigError> {
        let connector = match settings.mode {
            SslMode::Disable => None,
            _ => Some(TlsConnector::from(Arc::new(client(settings)?))),
        };
        Ok(Self {
            mode: settings.mode,
            insists: !matches!(settings.mode, SslMode::Disable | SslMode::Prefer),
            connector,
        })
    }

    /// Which of the modes it is.
    #[must_use]
    pub fn mode(&self) -> SslMode {
        self.mode
    }

    /// The same, where a server that offers no TLS is not talked to when `encrypted`.
    #[must_use]
    pub fn insisting(&self, encrypted: bool) -> Self {
        Self {
            insists: self.insists || encrypted,
            ..self.clone()
        }
    }

    /// Asks for TLS over this connection, if it is to be asked for; `name` is what the certificate must be for.
    ///
    /// # Errors
    /// When there is none and there has to be, or the server is not the one that was meant.
    pub async fn over(&self, mut socket: TcpStream, name: String) -> io::Result<Socket> {
        let Some(connector) = &self.connector else {
            return Ok(Socket::Tcp(socket));
        };
        socket.write_all(&REQUEST).await?;
        let mut heard = [0; 2];
        let count = socket.read(&mut heard).await?;
        let offered = offers(heard.get(..count).unwrap_or_default()).map_err(io::Error::other)?;
        if !offered && self.insists {
            return Err(io::Error::other(format!(
                "PostgreSQL offers no TLS, and database.ssl_mode is {}",
                self.mode
            )));
        }
        if !offered {
            return Ok(Socket::Tcp(socket));
        }
        let failed = |why: &dyn fmt::Display| {
            io::Error::other(format!(
                "no TLS with PostgreSQL (database.ssl_mode {}): {why}",
                self.mode
            ))
        };
        let name = ServerName::try_from(name).map_err(|error| failed(&error))?;
        let stream = connector
            .connect(name, socket)
            .await
            .map_err(|error| failed(&error))?;
        Ok(Socket::Tls(Box::new(Encrypted::new(stream))))
    }
}

/// What was answered when TLS was asked for: one byte, and nothing before the handshake. More would be read as if it had
/// been encrypted by whoever reads into a buffer (CVE-2021-23222). An error has a text that nobody vouches for.
fn offers(heard: &[u8]) -> Result<bool, &'static str> {
    match heard {
        [] => Err("PostgreSQL closed the connection when it was asked for TLS"),
        [b'S'] => Ok(true),
        [b'N'] => Ok(false),
        [b'S' | b'N', ..] => {
            Err("bytes came before the TLS handshake: somebody may stand in between")
        }
        [b'E', ..] => Err(
            "PostgreSQL answered with an error when it was asked for TLS; its text could be anybody's and is not repeated",
        ),
        _ => Err("what answered when it was asked for TLS is no PostgreSQL"),
    }
}

fn client(settings: &config::Tls) -> Result<ClientConfig, ConfigError> {
    let provider = default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let trust = trust(&settings.roots)?.map(|(roots, given)| Trust {
        roots,
        given,
        name: settings.mode == SslMode::VerifyFull,
    });
    let building = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("TLS", Path::new(""), error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(trust, algorithms)));
    let mut client = match &settings.identity {
        None => building.with_no_client_auth(),
        Some((cert, key)) => building
            .with_client_auth_cert(certificates("database.ssl_cert", cert)?, private(key)?)
            .map_err(|error| unusable("database.ssl_key", key, error))?,
    };
    // PostgreSQL resumes no session.
    client.resumption = Resumption::disabled();
    // Who expects another protocol at this port is told by PostgreSQL 17, and does not take this for its own.
    client.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(client)
}

type Anchors = (RootCertStore, Vec<CertificateDer<'static>>);

/// Whom to trust; nobody is asked for where nothing is checked.
fn trust(roots: &Roots) -> Result<Option<Anchors>, ConfigError> {
    const NAME: &str = "database.ssl_root_cert";
    let mut store = RootCertStore::empty();
    let given = match roots {
        Roots::Unchecked => return Ok(None),
        Roots::System => {
            let system = rustls_native_certs::load_native_certs();
            let (added, _) = store.add_parsable_certificates(system.certs);
            if added == 0 {
                let why = "the system has no certificates that can be read";
                return Err(unusable(NAME, Path::new("system"), why));
            }
            Vec::new()
        }
        Roots::File(path) => {
            let given = certificates(NAME, path)?;
            for one in &given {
                store
                    .add(one.clone())
                    .map_err(|error| unusable(NAME, path, error))?;
            }
            given
        }
    };
    Ok(Some((store, given)))
}

fn certificates(name: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<_> = read.map_err(|error| unusable(name, path, of_pem(&error)))?;
    if found.is_empty() {
        return Err(unusable(name, path, "there is no certificate (PEM) in it"));
    }
    Ok(found)
}

fn private(path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    const NAME: &str = "database.ssl_key";
    let known = path
        .metadata()
        .map_err(|error| unusable(NAME, path, error))?;
    if is_open(known.mode(), known.uid()) {
        return Err(unusable(
            NAME,
            path,
            "others may read or change it: its mode must be 0600, or 0640 when root owns it",
        ));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        let why = match error {
            PemError::NoItemsFound => "there is no private key (PEM) without passphrase in it",
            other => return unusable(NAME, path, of_pem(&other)),
        };
        unusable(NAME, path, why)
    })
}

/// As libpq: a key of root's may be for a group.
fn is_open(mode: u32, owner: u32) -> bool {
    let shut = if owner == 0 { 0o037 } else { 0o077 };
    mode & shut != 0
}

/// The parser's own words may repeat a line of the file.
fn of_pem(error: &PemError) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        _ => "it is not PEM".to_owned(),
    }
}

fn unusable(name: &str, path: &Path, why: impl fmt::Display) -> ConfigError {
    ConfigError::File {
        what: name.to_owned(),
        path: path.to_owned(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests;
