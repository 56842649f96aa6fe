//! Documents that the operator vouches for: files of a directory, read when the server starts, each known by the
//! SHA-256 of its bytes.

use crate::config::{ConfigError, GraphQl};
use aws_lc_rs::digest::{SHA256, digest};
use fluxbase_compiler::graphql::{Options, Prepared};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// The option that errors are about.
const OPTION: &str = "graphql.persisted_directory";

/// The SHA-256 of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// That of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// The documents of the directory.
#[derive(Debug, Default)]
pub struct Documents(HashMap<Hash, Arc<str>>);

impl Documents {
    /// Reads them.
    ///
    /// # Errors
    /// A file that cannot be read or is no document: found now and not by the first client that asks for it.
    pub fn load(graphql: &GraphQl) -> Result<Self, ConfigError> {
        let Some(directory) = &graphql.persisted_directory else {
            return Ok(Self::default());
        };
        let unreadable = |path: &Path, error: &std::io::Error| ConfigError::File {
            what: OPTION.to_owned(),
            path: path.to_owned(),
            why: error.to_string(),
        };
        let mut documents = HashMap::new();
        let entries =
            std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(directory, &error))?.path();
            if path.extension().is_none_or(|suffix| suffix != "graphql") {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            if let Err(refusal) = Prepared::read(&text, &Options::default()) {
                let why = refusal.errors.first().map(|error| error.message.clone());
                return Err(ConfigError::Malformed {
                    name: OPTION.to_owned(),
                    origin: path.display().to_string(),
                    why: why.unwrap_or_default(),
                });
            }
            documents.insert(Hash::of(&text), text.into());
        }
        Ok(Self(documents))
    }

    #[cfg(test)]
    pub fn of<const COUNT: usize>(texts: [&str; COUNT]) -> Self {
        Self(texts.map(|text| (Hash::of(text), text.into())).into())
    }

    /// The document of that hash.
    #[must_use]
    pub fn get(&self, hash: Hash) -> Option<&Arc<str>> {
        self.0.get(&hash)
    }

    /// Whether there is one of that hash.
    #[must_use]
    pub fn hold(&self, hash: Hash) -> bool {
        self.0.contains_key(&hash)
    }
}

#[cfg(test)]
mod tests {
    use super::{Documents, Hash};
    use crate::config::GraphQl;
    use std::path::PathBuf;

    fn graphql(directory: Option<PathBuf>) -> GraphQl {
        GraphQl {
            enabled: true,
            max_depth: 10,
            max_complexity: 1000,
            introspection: true,
            graphiql: false,
            max_batch: 1,
            persisted_only: false,
            persisted_directory: directory,
        }
    }

    #[test]
    fn a_hash_is_64_hexadecimal_digits() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::parse(empty), Some(Hash::of("")));
        assert_eq!(Hash::parse(&empty.to_uppercase()), Some(Hash::of("")));
        for wrong in [
            "",
            &empty[1..],
            &format!("{empty}0"),
            &empty.replace('e', "g"),
            &empty.replacen("e3", "+3", 1),
            &empty.replacen("e3b", "é3", 1),
        ] {
            assert_eq!(Hash::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_a_directory_there_are_none_and_a_wrong_one_is_found_at_the_start() {
        assert!(!Documents::load(&graphql(None)).unwrap().hold(Hash::of("")));
        let missing = graphql(Some("/nonexistent/documents".into()));
        let error = Documents::load(&missing).unwrap_err().to_string();
        assert!(error.contains("graphql.persisted_directory"), "{error}");
    }
}
