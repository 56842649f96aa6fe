//! Authorities of certificates, and what they sign.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm,
};

/// Somebody who signs.
pub struct Authority {
    /// Its own certificate, as PEM.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

fn parameters(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("names");
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    parameters
}

impl Authority {
    /// A new one; what it signs is signed so.
    pub fn new(name: &str, algorithm: &'static SignatureAlgorithm) -> Self {
        let mut own = parameters(name, &[]);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let pem = own.self_signed(&key).expect("a certificate").pem();
        Self {
            pem,
            issuer: Issuer::new(own, key),
        }
    }

    /// A certificate for these names.
    pub fn issue(&self, common_name: &str, names: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(common_name, names)
            .signed_by(&key, &self.issuer)
            .expect("a certificate");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

/// What one command makes: an authority that has signed nothing but itself, and is a server.
pub fn self_signed(names: &[&str]) -> Identity {
    let mut own = parameters("self-signed", names);
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    Identity {
        certificate: own.self_signed(&key).expect("a certificate").pem(),
        key: key.serialize_pem(),
    }
}
