//! As much of a certificate as a login and a handshake take. Pure. PostgreSQL's are often of a form that strict readers
//! refuse (version 1, an authority's own), and where nothing is checked none needs to be refused.

use aws_lc_rs::digest::{self, Algorithm, SHA224, SHA256, SHA384, SHA512};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const NAME: u8 = 0x06;
const FIRST: u8 = 0xa0;

/// Signatures of RSA, of ECDSA with SHA-2, and hashes of SHA-2: the last byte says which.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// Parts of a certificate.
pub struct Certificate<'a> {
    /// How it was signed: name and parameters.
    signed: &'a [u8],
    /// The key with what is it for, as DER.
    pub key_info: &'a [u8],
    /// What it is for: name and parameters.
    pub key_kind: &'a [u8],
    /// The key alone.
    pub key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// From DER; `None` for what is no certificate.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut certificate = expect(&mut { der }, SEQUENCE)?;
        let mut told = expect(&mut certificate, SEQUENCE)?;
        let signed = expect(&mut certificate, SEQUENCE)?;
        if told.first() == Some(&FIRST) {
            expect(&mut told, FIRST)?;
        }
        expect(&mut told, INTEGER)?;
        // Signature, issuer, validity, subject.
        for _ in 0..4 {
            expect(&mut told, SEQUENCE)?;
        }
        let before = told;
        let mut info = expect(&mut told, SEQUENCE)?;
        let key_info = before.get(..before.len() - told.len())?;
        let key_kind = expect(&mut info, SEQUENCE)?;
        let (unused, key) = expect(&mut info, BITS)?.split_first()?;
        (*unused == 0).then_some(Self {
            signed,
            key_info,
            key_kind,
            key,
        })
    }

    /// `tls-server-end-point` of RFC 5929: hashed as it was signed, and with SHA-256 where that was weaker. There is none
    /// for a signature without a hash of its own (Ed25519), and PostgreSQL knows none there either.
    pub fn end_point(&self, der: &[u8]) -> Option<Vec<u8>> {
        let hash = self.hash()?;
        Some(digest::digest(hash, der).as_ref().to_vec())
    }

    fn hash(&self) -> Option<&'static Algorithm> {
        let mut signed = self.signed;
        let name = expect(&mut signed, NAME)?;
        if name == ECDSA_SHA1 {
            return Some(&SHA256);
        }
        let (kind, number) = name.split_at_checked(name.len().checked_sub(1)?)?;
        match (kind, number) {
            // MD5, SHA-1
            (RSA, [4 | 5]) => Some(&SHA256),
            (RSA, [10]) => of_pss(signed),
            (RSA, [11]) | (ECDSA, [2]) => Some(&SHA256),
            (RSA, [12]) | (ECDSA, [3]) => Some(&SHA384),
            (RSA, [13]) | (ECDSA, [4]) => Some(&SHA512),
            (RSA, [14]) | (ECDSA, [1]) => Some(&SHA224),
            _ => None,
        }
    }
}

/// RSASSA-PSS names its hash in its parameters; without one it is SHA-1.
fn of_pss(mut parameters: &[u8]) -> Option<&'static Algorithm> {
    let mut parameters = expect(&mut parameters, SEQUENCE)?;
    if parameters.first() != Some(&FIRST) {
        return Some(&SHA256);
    }
    let mut first = expect(&mut parameters, FIRST)?;
    let mut hash = expect(&mut first, SEQUENCE)?;
    let name = expect(&mut hash, NAME)?;
    match (name.strip_prefix(SHA2), name) {
        (Some([1]), _) => Some(&SHA256),
        (Some([2]), _) => Some(&SHA384),
        (Some([3]), _) => Some(&SHA512),
        (Some([4]), _) => Some(&SHA224),
        // SHA-1
        (None, [0x2b, 0x0e, 0x03, 0x02, 0x1a]) => Some(&SHA256),
        _ => None,
    }
}

/// The content of the next element, which must be of this kind.
fn expect<'a>(input: &mut &'a [u8], kind: u8) -> Option<&'a [u8]> {
    let (found, rest) = input.split_first()?;
    if *found != kind {
        return None;
    }
    let (short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(*short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let length = digits.iter().fold(0, |length: usize, digit| {
                (length << 8) | usize::from(*digit)
            });
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *input = rest;
    Some(content)
}
