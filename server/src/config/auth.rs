use super::given::Given;
use super::setting::Kind;
use super::{ConfigError, Setting};
use fluxbase_rules::redirect::AllowedUrl;
use fluxbase_rules::settings::{self, SettingError, Settings};
use std::sync::LazyLock;
use url::Url;

/// Option names and documentation, made once from the closed list the database uses too.
static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let entry = |name: &str, rule: &'static settings::Setting| Setting {
        // Lives as long as the process: there is one list.
        name: Box::leak(format!("auth.{name}").into_boxed_str()),
        default: rule.default,
        kind: if rule.is_secret() {
            Kind::Secret
        } else {
            Kind::Plain
        },
        doc: rule.doc,
    };
    settings::all()
        .iter()
        .flat_map(|rule| {
            std::iter::once(entry(rule.name, rule))
                .chain(rule.alias.map(|alias| entry(alias, rule)))
        })
        .collect()
});

pub fn settings() -> impl Iterator<Item = Setting> {
    SETTINGS.iter().copied()
}

/// The `auth:` section. The database enforces it: `fluxbase migrate` writes it there, and
/// `fluxbase serve` starts only when the two agree.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Typed, defaults filled in.
    pub settings: Settings,
    /// Name and canonical text of what somebody set, for the database. `Debug` hides the texts.
    pub given: Vec<GivenSetting>,
}

/// One setting somebody wrote down.
#[derive(Clone, PartialEq, Eq)]
pub struct GivenSetting {
    /// Without the section.
    pub name: &'static str,
    /// In its one spelling.
    pub text: String,
    /// Where it was written down, when that is not in the `auth:` section.
    pub from: Option<&'static str>,
}

impl std::fmt::Debug for GivenSetting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const ORIGIN: &str = "auth.site_origin";

/// The origin that somebody wrote down as `server.public_base_url`, when mails may lead there. Where this server happens
/// to listen is no such thing.
fn own_origin(given: &Given, base_url: &Url) -> Option<String> {
    given.explicit(super::email::PUBLIC_BASE_URL.name)?;
    let origin = base_url.origin().ascii_serialization();
    AllowedUrl::parse(&origin).is_ok().then_some(origin)
}

impl Auth {
    /// `base_url` is what links in mails begin with.
    pub(super) fn read(given: &Given, base_url: &Url) -> Result<Self, ConfigError> {
        let origin = own_origin(given, base_url);
        let mut rows = Vec::new();
        let mut canonical: Vec<GivenSetting> = Vec::new();
        for setting in SETTINGS.iter() {
            let derived = origin.as_deref().filter(|_| setting.name == ORIGIN);
            let written = given.explicit(setting.name);
            let Some(text) = written.or(derived) else {
                continue;
            };
            let from = written
                .is_none()
                .then_some(super::email::PUBLIC_BASE_URL.name);
            let key = setting.name.strip_prefix("auth.").unwrap_or(setting.name);
            let refuse = |error: SettingError| given.malformed(setting.name, error.to_string());
            let (name, one_spelling) = settings::canonical(key, text).map_err(refuse)?;
            rows.push((key, text));
            if canonical.iter().all(|known| known.name != name) {
                canonical.push(GivenSetting {
                    name,
                    text: one_spelling,
                    from,
                });
            }
        }
        let settings = Settings::from_rows(rows)
            .map_err(|error| given.malformed("auth", error.to_string()))?;
        Ok(Self {
            settings,
            given: canonical,
        })
    }

    /// Names of settings as an operator finds them in the configuration.
    #[must_use]
    pub fn told(&self, names: &[String]) -> String {
        let told = names.iter().map(|name| {
            let given = self.given.iter().find(|given| given.name == name);
            match given.and_then(|given| given.from) {
                Some(from) => format!("{name} (from {from})"),
                None => name.clone(),
            }
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// What was set, as a JSON object of texts: what `auth.check_settings` takes.
    #[must_use]
    pub fn as_json(&self) -> String {
        let object: serde_json::Map<String, serde_json::Value> = self
            .given
            .iter()
            .map(|setting| (setting.name.to_owned(), setting.text.clone().into()))
            .collect();
        serde_json::Value::Object(object).to_string()
    }
}

#[cfg(test)]
mod tests;
