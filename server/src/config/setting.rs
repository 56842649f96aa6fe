use super::{api, auth, database, email, logging, server};

/// One option: what it is called, what it is when nobody says anything, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Section and key, as in `server.port`.
    pub name: &'static str,
    /// The default in the form one would write; empty when there is none.
    pub default: &'static str,
    /// What the value is.
    pub kind: Kind,
    /// One sentence for the person who sets it.
    pub doc: &'static str,
}

/// What a value is to the reader of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value.
    Plain,
    /// One value that never appears in a message and may come from a `…_FILE`.
    Secret,
    /// Several, as a yaml list or separated by commas.
    List,
}

impl Setting {
    /// An option with one value.
    pub const fn plain(name: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            default,
            kind: Kind::Plain,
            doc,
        }
    }

    /// An option with one secret value.
    pub const fn secret(name: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            default,
            kind: Kind::Secret,
            doc,
        }
    }

    /// An option with several values.
    pub const fn list(name: &'static str, default: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            default,
            kind: Kind::List,
            doc,
        }
    }

    /// Must not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }
}

/// Every option of every section.
pub fn known() -> Vec<Setting> {
    let mut all = Vec::new();
    for section in [
        server::SETTINGS,
        database::SETTINGS,
        api::SETTINGS,
        email::SETTINGS,
        logging::SETTINGS,
    ] {
        all.extend_from_slice(section);
    }
    all.extend(auth::settings());
    all
}

/// The options of the server's own sections as a Markdown table; those of `auth:` are the database's
/// settings and have a table of their own.
pub fn markdown_table() -> String {
    let mut table = String::from("| Option | Default | Meaning |\n|---|---|---|\n");
    for setting in known() {
        if setting.name.starts_with("auth.") {
            continue;
        }
        let default = match setting.default {
            "" => "not set".to_owned(),
            default => format!("`{default}`"),
        };
        table.push_str(&format!(
            "| `{}` | {default} | {} |\n",
            setting.name, setting.doc
        ));
    }
    table
}

/// The environment variable of an option: `server.port` is `FLUXBASE_SERVER_PORT`.
pub fn variable_of(name: &str) -> String {
    let mut variable = String::from("FLUXBASE_");
    for letter in name.chars() {
        variable.push(if letter == '.' {
            '_'
        } else {
            letter.to_ascii_uppercase()
        });
    }
    variable
}

/// The known text most like `wrong`, if any is close enough to be what was meant.
pub fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}
