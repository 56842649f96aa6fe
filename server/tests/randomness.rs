//! Where the secrets of accounts are drawn. No test of values can tell a good source from a bad one, so this one reads the
//! sources: there is one place, and it is the operating system's.

#![allow(clippy::unwrap_used, reason = "test code outside test functions")]

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Every file below with this ending that is no test, and its text. What cannot be read is missing, and missed below.
fn sources(folder: &Path, ending: &str, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if name(&path).starts_with("tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, ending, found);
        } else if name(&path).ends_with(ending) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            // Unit tests stand at the end of their file.
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            let text = text.get(..end).unwrap_or_default().to_owned();
            found.push((path, text));
        }
    }
}

fn files_with(sources: &[(PathBuf, String)], words: &[&str]) -> Vec<String> {
    sources
        .iter()
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
        .map(|(path, _)| name(path))
        .collect()
}

#[test]
fn every_secret_of_an_account_is_drawn_from_the_operating_system() {
    let mut rust = Vec::new();
    sources(&repository().join("extension/src"), ".rs", &mut rust);
    sources(&repository().join("extension/rules/src"), ".rs", &mut rust);
    let mut sql = Vec::new();
    sources(&repository().join("sql"), ".sql", &mut sql);
    assert!(rust.len() > 60 && sql.len() > 20, "the sources are there");
    assert_eq!(files_with(&rust, &["getrandom"]), ["owner.rs"]);
    let others = [
        "SystemRandom",
        "aws_lc_rs::rand",
        "rand::",
        "pg_strong_random",
        "OsRng",
        "thread_rng",
        "fastrand",
        "RandomState",
        "generate_pkcs8",
        "/dev/urandom",
        ".random()",
        "setseed",
    ];
    assert_eq!(files_with(&rust, &others), [""; 0]);
    assert_eq!(files_with(&sql, &others), [""; 0]);
    // The places that draw: seeds and backup codes, links and codes by mail, keys, salts, tokens' ids.
    let drawing = files_with(&rust, &["owner::random("]);
    for place in [
        "factor_setup.rs",
        "outbox.rs",
        "sealing.rs",
        "credentials.rs",
        "session.rs",
    ] {
        assert!(
            drawing.iter().any(|file| file == place),
            "{place} in {drawing:?}"
        );
    }
}
