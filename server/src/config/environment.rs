use super::ConfigError;
use std::collections::BTreeMap;
use std::path::Path;

/// The environment variables of the process, as a value, so that tests need not change the real ones.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. Names or values that are not UTF-8 are left out: no option of
    /// ours can be spelled that way.
    #[must_use]
    pub fn of_this_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// The value of one variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of `name`, or the content of the file that `name_FILE` names (one trailing newline
    /// cut, as Docker and Kubernetes secrets are usually written).
    pub(super) fn value_or_file(
        &self,
        name: &str,
    ) -> Result<Option<(String, String)>, ConfigError> {
        let file_variable = format!("{name}_FILE");
        match (self.get(name), self.get(&file_variable)) {
            (Some(_), Some(_)) => Err(ConfigError::Both {
                variable: name.to_owned(),
            }),
            (Some(value), None) => Ok(Some((
                value.to_owned(),
                format!("environment variable {name}"),
            ))),
            (None, Some(path)) => {
                let mut value =
                    std::fs::read_to_string(path).map_err(|error| ConfigError::File {
                        what: file_variable.clone(),
                        path: Path::new(path).to_owned(),
                        why: error.to_string(),
                    })?;
                if value.ends_with('\n') {
                    value.pop();
                    if value.ends_with('\r') {
                        value.pop();
                    }
                }
                Ok(Some((value, format!("file named by {file_variable}"))))
            }
            (None, None) => Ok(None),
        }
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }
}
