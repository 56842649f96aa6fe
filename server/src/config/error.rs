use std::path::PathBuf;
use thiserror::Error;

/// Why a configuration was refused. Shown to the operator; never contains the value of a secret.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("cannot read {what} from {}: {why}", path.display())]
    File {
        /// What the file was for.
        what: String,
        /// Its path.
        path: PathBuf,
        /// The operating system's reason.
        why: String,
    },
    /// The file is not yaml, or not a map of sections.
    #[error("fluxbase.yaml cannot be understood: {0}")]
    Yaml(String),
    /// Nobody knows this key.
    #[error("unknown option {name} ({origin}){}", nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}?")))]
    Unknown {
        /// The key as it was written.
        name: String,
        /// Where it was written.
        origin: String,
        /// The nearest key that exists.
        nearest: Option<String>,
    },
    /// The key is known, the value does not fit.
    #[error("{name} ({origin}): {why}")]
    Malformed {
        /// The option.
        name: String,
        /// Where its value comes from.
        origin: String,
        /// What was expected.
        why: String,
    },
    /// `${VARIABLE}` without a default, and the variable is not set.
    #[error("{name} needs the environment variable {variable}, which is not set")]
    Unset {
        /// The option.
        name: String,
        /// The variable it names.
        variable: String,
    },
    /// `X` and `X_FILE` both set: which one counts would be a guess.
    #[error("{variable} and {variable}_FILE are both set; remove one")]
    Both {
        /// The variable without `_FILE`.
        variable: String,
    },
    /// An option without a default was not set.
    #[error("{name} is not set; {why}")]
    Missing {
        /// The option.
        name: &'static str,
        /// How to set it.
        why: &'static str,
    },
    /// The binary was built without what the option is about.
    #[error("{name} is true, and this binary was built without the feature {feature}: {how}")]
    NotBuilt {
        /// The option.
        name: &'static str,
        /// The feature of cargo.
        feature: &'static str,
        /// What it takes.
        how: &'static str,
    },
}
