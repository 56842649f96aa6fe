//! A mail server, spoken to with lettre.

use super::{PATIENCE, Undelivered};
use crate::config::{ConfigError, Security, Smtp};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::error::Error as _;
use std::io;
use std::iter::successors;
use std::path::Path;

/// A mail server. Each letter has a connection of its own: they are few, and one that idles is closed
/// by the other side at a time of its choice.
pub struct Server(AsyncSmtpTransport<Tokio1Executor>);

impl Server {
    /// Gets ready to speak to it; nothing is connected yet.
    ///
    /// # Errors
    /// When the certificates of `email.smtp_ca_file` cannot be used.
    pub fn new(smtp: &Smtp, sender_domain: &str) -> Result<Self, ConfigError> {
        let tls = match smtp.security {
            Security::StartTls => Tls::Required(parameters(smtp)?),
            Security::Tls => Tls::Wrapper(parameters(smtp)?),
            Security::None => Tls::None,
        };
        // "Dangerous" is that it leaves TLS to the caller, which has just been chosen.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .tls(tls)
            // The sender's domain: this machine's name may be none that the world knows.
            .hello_name(ClientId::Domain(sender_domain.to_owned()))
            .timeout(Some(PATIENCE));
        if let Some(credentials) = &smtp.credentials {
            builder = builder.credentials(credentials.clone());
        }
        Ok(Self(builder.build()))
    }

    /// Sends one letter.
    ///
    /// # Errors
    /// When the server did not take it.
    pub async fn send(&self, message: Message) -> Result<(), Undelivered> {
        match self.0.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Undelivered(reason(&error))),
        }
    }
}

fn parameters(smtp: &Smtp) -> Result<TlsParameters, ConfigError> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        // Instead of the system's: who runs an authority of his own wants no other to vouch for the server.
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificates(path)?);
    }
    builder.build_rustls().map_err(|_| {
        let origin = smtp.ca_file.as_deref().unwrap_or(Path::new("default"));
        unusable(origin, "TLS cannot be set up with these certificates")
    })
}

fn certificates(path: &Path) -> Result<Certificate, ConfigError> {
    let pem = std::fs::read(path).map_err(|error| ConfigError::File {
        what: "email.smtp_ca_file".into(),
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    // A file without any certificate reads as no certificates, and then nothing would be trusted.
    let marker = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(marker.len()).any(|window| window == marker) {
        return Err(unusable(path, "there is no certificate in the file"));
    }
    Certificate::from_pem(&pem).map_err(|_| unusable(path, "expected certificates in PEM form"))
}

fn unusable(path: &Path, why: &str) -> ConfigError {
    ConfigError::Malformed {
        name: "email.smtp_ca_file".into(),
        origin: path.display().to_string(),
        why: why.into(),
    }
}

/// What went wrong, in words of this side: a mail server's refusal repeats the address.
fn reason(error: &Error) -> String {
    if let Some(code) = error.status() {
        return format!("the mail server refused with {code}");
    }
    if error.is_timeout() {
        return "the mail server took too long".into();
    }
    if error.is_response() {
        return "the mail server answered what is no SMTP".into();
    }
    // The system's words, or those of TLS about a certificate; they may lie several errors deep.
    let system = successors(error.source(), |error| (*error).source())
        .find_map(|error| error.downcast_ref::<io::Error>());
    if let Some(system) = system {
        return format!("no connection to the mail server: {system}");
    }
    if error.is_client()
        && let Some(source) = error.source()
    {
        // Fixed sentences of the library, such as that the server offers no STARTTLS.
        return source.to_string();
    }
    if error.is_tls() {
        return "no encrypted connection to the mail server".into();
    }
    "no connection to the mail server".into()
}
