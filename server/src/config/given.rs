use super::setting::{Setting, nearest, variable_of};
use super::{ConfigError, Environment, Overrides};
use std::collections::BTreeMap;
use std::time::Duration;

/// Variables of clients and of the development scripts that share our prefix; those of the tests
/// all begin with FLUXBASE_TEST_.
const NOT_OURS: [&str; 6] = [
    "FLUXBASE_URL",
    "FLUXBASE_ANON_KEY",
    "FLUXBASE_SERVICE_KEY",
    "FLUXBASE_SERVICE_TOKEN",
    "FLUXBASE_JOB_TOKEN",
    "FLUXBASE_CONFIG",
];

/// Variables that are understood without our prefix.
const SHORT_NAMES: [(&str, &str); 3] = [
    ("JWT_SECRET", "auth.jwt_secret"),
    ("DATABASE_URL", "database.url"),
    ("SMTP_PASSWORD", "email.smtp_password"),
];

/// A value and where it was written. `Debug` shows only where: it may be a secret.
#[derive(Clone)]
pub struct Value {
    text: String,
    origin: String,
}

impl Value {
    pub fn new(text: String, origin: &str) -> Self {
        Self {
            text,
            origin: origin.to_owned(),
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "(from {})", self.origin)
    }
}

/// What was given, by option name; the sections take their values from here.
#[derive(Debug)]
pub struct Given(BTreeMap<String, Value>);

impl Given {
    pub fn new(yaml: BTreeMap<String, Value>) -> Self {
        Self(yaml)
    }

    pub fn short_names(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        for (variable, name) in SHORT_NAMES {
            if let Some((text, origin)) = environment.value_or_file(variable)? {
                self.0.insert(name.to_owned(), Value::new(text, &origin));
            }
        }
        Ok(())
    }

    pub fn prefixed(
        &mut self,
        known: &[Setting],
        environment: &Environment,
    ) -> Result<(), ConfigError> {
        let option = |variable: &str| {
            let named =
                |setting: &Setting| Some((setting.is_secret(), setting.named_by(variable)?));
            known.iter().find_map(named)
        };
        for written in environment
            .names()
            .filter(|name| name.starts_with("FLUXBASE_"))
        {
            let of_a_file = || {
                let variable = written.strip_suffix("_FILE")?;
                let (secret, name) = option(variable)?;
                secret.then_some((variable, secret, name))
            };
            let found = option(written)
                .map(|(secret, name)| (written, secret, name))
                .or_else(of_a_file);
            let Some((variable, secret, name)) = found else {
                if NOT_OURS.contains(&written) || written.starts_with("FLUXBASE_TEST_") {
                    continue;
                }
                let names: Vec<String> = known
                    .iter()
                    .map(|setting| variable_of(setting.name))
                    .collect();
                return Err(ConfigError::Unknown {
                    name: written.to_owned(),
                    origin: "environment".into(),
                    nearest: nearest(written, names.iter().map(String::as_str)).map(str::to_owned),
                });
            };
            let value = if secret {
                environment.value_or_file(variable)?
            } else {
                environment
                    .get(variable)
                    .map(|text| (text.to_owned(), format!("environment variable {variable}")))
            };
            if let Some((text, origin)) = value {
                self.0.insert(name, Value::new(text, &origin));
            }
        }
        Ok(())
    }

    pub fn command_line(&mut self, overrides: Overrides) {
        for (name, text) in overrides {
            self.0
                .insert(name.to_owned(), Value::new(text, "command line"));
        }
    }

    /// The value somebody gave, if any.
    pub fn explicit(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.text.as_str())
    }

    /// The positions of a list's entries of which something was given, in order.
    pub fn positions(&self, list: &str) -> Vec<usize> {
        let mut positions: Vec<usize> = self
            .0
            .keys()
            .filter_map(|name| {
                name.strip_prefix(list)?
                    .strip_prefix('.')?
                    .split('.')
                    .next()
            })
            .filter_map(|position| position.parse().ok())
            .collect();
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// The value given, or the default.
    pub fn text<'a>(&'a self, setting: &'a Setting) -> &'a str {
        self.explicit(setting.name).unwrap_or(setting.default)
    }

    /// An error about one option.
    pub fn malformed(&self, name: &str, why: impl Into<String>) -> ConfigError {
        let origin = self
            .0
            .get(name)
            .map_or("default", |value| value.origin.as_str());
        ConfigError::Malformed {
            name: name.to_owned(),
            origin: origin.to_owned(),
            why: why.into(),
        }
    }

    pub fn boolean(&self, setting: &Setting) -> Result<bool, ConfigError> {
        match self.text(setting) {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.malformed(setting.name, "expected true or false")),
        }
    }

    pub fn integer(&self, setting: &Setting, least: u64, most: u64) -> Result<u64, ConfigError> {
        self.integer_of(setting.name, setting.default, least, most)
    }

    /// As [`Given::integer`], for an option of a list's entry.
    pub fn integer_of(
        &self,
        name: &str,
        default: &str,
        least: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        let parsed = self.explicit(name).unwrap_or(default).parse::<u64>().ok();
        parsed
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                self.malformed(
                    name,
                    format!("expected a whole number from {least} to {most}"),
                )
            })
    }

    pub fn duration(
        &self,
        setting: &Setting,
        least: Duration,
        most: Duration,
    ) -> Result<Duration, ConfigError> {
        let parsed = fluxbase_rules::duration::parse_milliseconds(self.text(setting))
            .map_err(|error| self.malformed(setting.name, error.to_string()))?;
        let parsed = Duration::from_millis(parsed);
        if parsed < least || parsed > most {
            return Err(self.malformed(
                setting.name,
                format!("expected a duration from {least:?} to {most:?}"),
            ));
        }
        Ok(parsed)
    }

    /// A number of bytes: `65536`, `64KiB`, `10MiB`.
    pub fn bytes(&self, setting: &Setting) -> Result<usize, ConfigError> {
        let text = self.text(setting);
        let (digits, scale) = [("KiB", 1usize << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
            .iter()
            .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?.trim_end(), *scale)))
            .unwrap_or((text, 1));
        digits
            .parse::<usize>()
            .ok()
            .and_then(|count| count.checked_mul(scale))
            .filter(|bytes| *bytes > 0)
            .ok_or_else(|| {
                self.malformed(
                    setting.name,
                    "expected a number of bytes such as 65536, 64KiB or 10MiB",
                )
            })
    }

    pub fn one_of<'a>(
        &'a self,
        setting: &'a Setting,
        choices: &[&str],
    ) -> Result<&'a str, ConfigError> {
        let text = self.text(setting);
        if choices.contains(&text) {
            return Ok(text);
        }
        Err(self.malformed(setting.name, format!("expected {}", choices.join(" or "))))
    }
}
