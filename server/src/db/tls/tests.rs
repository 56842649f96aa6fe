use super::certificate::Certificate;
use super::{Tls, is_open, offers};
use crate::config::{self, Roots, SslMode};
use aws_lc_rs::digest::{self, SHA224, SHA256, SHA384, SHA512};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio_postgres::config::ChannelBinding;

/// 1. Somebody in between lets PostgreSQL's `S` through and writes messages of his own behind it, in plain text.
/// 2. Who reads into a buffer takes them for the first that were decrypted (CVE-2021-23222).
#[test]
fn bytes_before_the_handshake_are_refused() {
    for attack in [b"SR", b"NR", b"S\x16"] {
        let why = offers(attack).unwrap_err();
        assert!(why.contains("before the TLS handshake"), "{why}");
    }
    assert_eq!(offers(b"S"), Ok(true));
    assert_eq!(offers(b"N"), Ok(false));
}

#[test]
fn an_error_in_place_of_an_answer_is_no_answer() {
    for heard in [b"E".as_slice(), b"E\0", b"", b"R", b"s", b"H"] {
        assert!(offers(heard).is_err(), "{heard:?}");
    }
}

#[test]
fn a_key_that_others_read_is_refused_and_one_of_roots_group_is_not() {
    for (mode, owner) in [
        (0o100_640, 1000),
        (0o100_604, 1000),
        (0o100_620, 1000),
        (0o100_644, 0),
        (0o100_660, 0),
    ] {
        assert!(is_open(mode, owner), "{mode:o} {owner}");
    }
    for (mode, owner) in [(0o100_600, 1000), (0o100_400, 1000), (0o100_640, 0)] {
        assert!(!is_open(mode, owner), "{mode:o} {owner}");
    }
}

fn element(kind: u8, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let mut all = vec![kind];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => all.push(short),
        _ => {
            all.push(0x82);
            all.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
        }
    }
    all.extend_from_slice(&content);
    all
}

/// A certificate that is signed in this way, of version 3 or, without it, 1. Names are empty, and nobody looks.
fn certificate(signed: &[u8], version: bool) -> Vec<u8> {
    let nothing = element(0x30, &[]);
    let version = if version {
        element(0xa0, &[&[2, 1, 2]])
    } else {
        Vec::new()
    };
    let info = element(
        0x30,
        &[&element(0x30, &[b"kind"]), &element(3, &[&[0], &[7; 200]])],
    );
    let told = element(
        0x30,
        &[
            &version,
            &[2, 1, 9],
            &nothing,
            &nothing,
            &nothing,
            &nothing,
            &info,
        ],
    );
    element(
        0x30,
        &[&told, &element(0x30, &[signed]), &element(3, &[&[0; 65]])],
    )
}

/// Names of signatures, as DER.
fn rsa(number: u8) -> Vec<u8> {
    let name = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, number];
    [element(6, &[&name]), vec![5, 0]].concat()
}

fn ecdsa(tail: &[u8]) -> Vec<u8> {
    element(6, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04], tail])
}

fn pss(hash: Option<&[u8]>) -> Vec<u8> {
    let name = element(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 10]]);
    let hash = hash.map_or_else(Vec::new, |hash| {
        element(0xa0, &[&element(0x30, &[&element(6, &[hash])])])
    });
    [name, element(0x30, &[&hash])].concat()
}

fn sha2(number: u8) -> [u8; 9] {
    [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, number]
}

#[test]
fn a_login_is_bound_to_a_hash_as_strong_as_the_signature() {
    for (signed, hash) in [
        (rsa(4), &SHA256),
        (rsa(5), &SHA256),
        (rsa(11), &SHA256),
        (rsa(12), &SHA384),
        (rsa(13), &SHA512),
        (rsa(14), &SHA224),
        (ecdsa(&[1]), &SHA256),
        (ecdsa(&[3, 1]), &SHA224),
        (ecdsa(&[3, 2]), &SHA256),
        (ecdsa(&[3, 3]), &SHA384),
        (ecdsa(&[3, 4]), &SHA512),
        (pss(None), &SHA256),
        (pss(Some(&[0x2b, 0x0e, 0x03, 0x02, 0x1a])), &SHA256),
        (pss(Some(&sha2(1))), &SHA256),
        (pss(Some(&sha2(2))), &SHA384),
        (pss(Some(&sha2(3))), &SHA512),
        (pss(Some(&sha2(4))), &SHA224),
    ] {
        for version in [true, false] {
            let der = certificate(&signed, version);
            let bound = Certificate::read(&der).unwrap().end_point(&der).unwrap();
            assert_eq!(bound, digest::digest(hash, &der).as_ref(), "{signed:?}");
        }
    }
    // Ed25519, SHA3, and what nobody has named yet: PostgreSQL has no hash for those either.
    let ed25519 = element(6, &[&[0x2b, 0x65, 0x70]]);
    for signed in [
        ed25519,
        ecdsa(&[3, 10]),
        rsa(99),
        pss(Some(&sha2(8))),
        vec![6, 0],
    ] {
        let der = certificate(&signed, true);
        assert_eq!(Certificate::read(&der).unwrap().end_point(&der), None);
    }
}

#[test]
fn a_certificate_is_read_to_its_key_and_half_a_one_not_at_all() {
    let der = certificate(&rsa(11), true);
    let read = Certificate::read(&der).unwrap();
    assert_eq!(read.key, [7; 200]);
    assert_eq!(read.key_kind, b"kind");
    assert_eq!(read.key_info.first(), Some(&0x30));
    for end in 0..der.len() {
        assert!(Certificate::read(&der[..end]).is_none(), "{end}");
    }
    // Whatever one of its bytes says instead, somebody answers, and nobody panics.
    for place in 0..der.len() {
        for wrong in [0, 0x80, 0x84, 0xff] {
            let mut der = der.clone();
            der[place] = wrong;
            if let Some(read) = Certificate::read(&der) {
                read.end_point(&der);
            }
        }
    }
}

fn settings(roots: Roots, identity: Option<(PathBuf, PathBuf)>) -> config::Tls {
    config::Tls {
        mode: SslMode::VerifyFull,
        roots,
        identity,
        binding: ChannelBinding::Prefer,
    }
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_named_and_not_repeated() {
    let directory = std::env::temp_dir().join(format!("fluxbase-tls-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let refused = |roots: Roots, identity| {
        let error = Tls::load(&settings(roots, identity)).unwrap_err();
        let message = error.to_string();
        assert!(!message.contains("hunter2"), "{message}");
        message
    };
    let empty = file("empty", "");
    let wrong = file("wrong", "-----BEGIN hunter2\nhunter2\n");
    let torn = file(
        "torn",
        "-----BEGIN CERTIFICATE-----\nhunter2hunter2!\n-----END CERTIFICATE-----\n",
    );
    for path in [&empty, &wrong, &torn, &directory.join("none")] {
        let message = refused(Roots::File(path.clone()), None);
        assert!(message.contains("database.ssl_root_cert"), "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
    let identity = |cert: &PathBuf, key: &PathBuf| Some((cert.clone(), key.clone()));
    let message = refused(Roots::Unchecked, identity(&empty, &empty));
    assert!(message.contains("database.ssl_cert"), "{message}");
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn nothing_is_read_where_nothing_is_encrypted() {
    let mut settings = settings(Roots::File("/nowhere".into()), None);
    assert!(Tls::load(&settings).is_err());
    settings.mode = SslMode::Disable;
    assert!(Tls::load(&settings).is_ok());
}
