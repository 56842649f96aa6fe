use super::{
    account_limits, api, auth, csrf, database, email, graphql, logging, rate_limiting, server, tls,
};

/// One option: what it is called, what it is when nobody says anything, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Section and key, as in `server.port`. One `*` stands for the position in a list whose entries
    /// have keys of their own, as in `rate_limiting.endpoints.*.path`.
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

    /// Whether this is the option of that name; `rate_limiting.endpoints.0.path` is
    /// `rate_limiting.endpoints.*.path`.
    pub fn is_called(&self, name: &str) -> bool {
        match self.around_position() {
            None => self.name == name,
            Some((before, after)) => between(name, before, after).is_some_and(is_position),
        }
    }

    /// Whether an entry of the list of that name has this option.
    pub fn is_of_an_entry_of(&self, name: &str) -> bool {
        self.around_position()
            .and_then(|(before, _)| before.strip_suffix('.'))
            == Some(name)
    }

    /// Whether this option stands below that name: `server.port` below `server`.
    pub fn is_below(&self, name: &str) -> bool {
        let own = self.name.split('.');
        let mut rest = own.clone();
        let agree = name.split('.').all(|part| {
            rest.next()
                .is_some_and(|own| own == part || own == "*" && is_position(part))
        });
        agree && rest.next().is_some()
    }

    /// Its full name when an environment variable of that name is about it.
    pub fn named_by(&self, variable: &str) -> Option<String> {
        let own = variable_of(self.name);
        match (own.split_once('*'), self.around_position()) {
            (Some((before, after)), Some((section, key))) => {
                let position = between(variable, before, after)?;
                is_position(position).then(|| format!("{section}{position}{key}"))
            }
            _ => (own == variable).then(|| self.name.to_owned()),
        }
    }

    fn around_position(&self) -> Option<(&'static str, &'static str)> {
        self.name.split_once('*')
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
        tls::SETTINGS,
        api::SETTINGS,
        graphql::SETTINGS,
        csrf::SETTINGS,
        email::SETTINGS,
        rate_limiting::SETTINGS,
        logging::SETTINGS,
    ] {
        all.extend_from_slice(section);
    }
    all.extend(account_limits::settings());
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

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_suffix(after)
}

/// The last position of a list.
pub const MOST_POSITION: usize = 999;

/// 0 to [`MOST_POSITION`], in the one way to write it.
fn is_position(text: &str) -> bool {
    // Reading alone would take +1 and 01 for 1.
    text.parse::<usize>()
        .is_ok_and(|position| position <= MOST_POSITION && position.to_string() == text)
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

/// Options of other systems whose place here has a name that nothing likens to theirs.
const INSTEAD: [(&str, &str); 1] = [("auth.bcrypt_cost", "auth.password_hash_iterations")];

/// The option that stands for one of another name: known to do what it did, or spelt most like it.
pub fn meant<'a>(wrong: &str, mut known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    match INSTEAD.iter().find(|(other, _)| *other == wrong) {
        Some((_, ours)) => known.find(|name| name == ours),
        None => nearest(wrong, known),
    }
}

/// The known text most like `wrong`, if any is close enough to be what was meant.
pub fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, name)| name)
}
