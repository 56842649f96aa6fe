//! Whether the server is the one that was meant, as far as the mode asks.

use super::certificate::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Who is trusted.
#[derive(Debug)]
pub struct Trust {
    /// Authorities.
    pub roots: RootCertStore,
    /// What the operator gave, to the byte: a server's own certificate there is trusted as an authority is.
    pub given: Vec<CertificateDer<'static>>,
    /// Whether the name counts.
    pub name: bool,
}

/// Checks chain and name, or neither. In either case the server proves that it has the key of the certificate it shows: what
/// a login is bound to is its own.
#[derive(Debug)]
pub struct Verifier {
    trust: Option<Trust>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Without trust every certificate is good.
    pub fn new(trust: Option<Trust>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { trust, algorithms }
    }
}

const ILLEGIBLE: Error = Error::InvalidCertificate(CertificateError::BadEncoding);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trust) = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        // A certificate made with one command is its own authority, and no chain ends in one of those.
        let known = trust.given.iter().any(|given| given == shown);
        if !known || trust.name {
            let parsed = ParsedCertificate::try_from(shown)?;
            if !known {
                let all = self.algorithms.all;
                verify_server_cert_signed_by_trust_anchor(
                    &parsed,
                    &trust.roots,
                    between,
                    now,
                    all,
                )?;
            }
            if trust.name {
                verify_server_name(&parsed, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::read(shown).ok_or(ILLEGIBLE)?;
        // The scheme names no curve there, so there may be several that it could be.
        let fits = self
            .algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter())
            .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == certificate.key_kind)
            .any(|algorithm| {
                algorithm
                    .verify_signature(certificate.key, message, signed.signature())
                    .is_ok()
            });
        if !fits {
            return Err(Error::InvalidCertificate(CertificateError::BadSignature));
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::read(shown).ok_or(ILLEGIBLE)?;
        let key = SubjectPublicKeyInfoDer::from(certificate.key_info);
        verify_tls13_signature_with_raw_key(message, &key, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
