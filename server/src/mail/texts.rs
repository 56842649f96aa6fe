//! Subject, text and HTML of every kind: built in, or read from files when the server starts.

use super::builtin;
use super::order::Kind;
use super::template::{Form, Template};
use crate::config::ConfigError;
use std::path::Path;

/// The option that errors are about.
const OPTION: &str = "email.template_directory";

/// What each kind of mail says.
#[derive(Debug)]
pub struct Texts(Vec<(Kind, Text)>);

/// What one kind of mail says.
#[derive(Debug)]
pub struct Text {
    /// One line.
    pub subject: Template,
    /// For readers without HTML.
    pub plain: Template,
    /// For the others.
    pub html: Template,
}

impl Texts {
    /// The built-in texts, replaced by what `directory` holds.
    ///
    /// # Errors
    /// A file that cannot be read, that has the name of no kind or a placeholder nobody knows: found
    /// now and not when the first mail of that kind is due.
    pub fn load(directory: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(directory) = directory {
            refuse_strangers(directory)?;
        }
        let mut texts = Vec::with_capacity(Kind::ALL.len());
        for kind in Kind::ALL {
            let text = Text {
                subject: subject(directory, kind)?,
                plain: template(directory, kind, "txt", Form::Plain, builtin::text)?,
                html: template(directory, kind, "html", Form::Html, builtin::html)?,
            };
            texts.push((kind, text));
        }
        Ok(Self(texts))
    }

    /// What a kind says.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&Text> {
        let found = self.0.iter().find(|(known, _)| *known == kind);
        found.map(|(_, text)| text)
    }
}

fn subject(directory: Option<&Path>, kind: Kind) -> Result<Template, ConfigError> {
    let (text, origin) = source(directory, kind, "subject", builtin::subject)?;
    let line = text.trim();
    // A second line would be a header of its own.
    if line.is_empty() || line.chars().any(char::is_control) {
        return Err(malformed(&origin, "a subject is one line of text"));
    }
    Template::parse(line, Form::Plain).map_err(|mistake| malformed(&origin, mistake))
}

fn template(
    directory: Option<&Path>,
    kind: Kind,
    suffix: &str,
    form: Form,
    built_in: fn(Kind) -> String,
) -> Result<Template, ConfigError> {
    let (text, origin) = source(directory, kind, suffix, built_in)?;
    Template::parse(&text, form).map_err(|mistake| malformed(&origin, mistake))
}

/// A text and where it stands.
fn source(
    directory: Option<&Path>,
    kind: Kind,
    suffix: &str,
    built_in: fn(Kind) -> String,
) -> Result<(String, String), ConfigError> {
    if let Some(directory) = directory {
        let path = directory.join(format!("{}.{suffix}", kind.name()));
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok((text, path.display().to_string())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error)),
        }
    }
    Ok((built_in(kind), "built in".to_owned()))
}

/// A template under a misspelt name would never be used, and nobody would notice.
fn refuse_strangers(directory: &Path) -> Result<(), ConfigError> {
    let entries = std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error))?.path();
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        if !matches!(suffix, Some("txt" | "html" | "subject")) {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if !Kind::ALL.iter().any(|kind| stem == Some(kind.name())) {
            let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            let why = format!(
                "no kind of mail has this name; there are {}",
                names.join(" ")
            );
            return Err(malformed(&path.display().to_string(), why));
        }
    }
    Ok(())
}

fn malformed(origin: &str, why: impl ToString) -> ConfigError {
    ConfigError::Malformed {
        name: OPTION.to_owned(),
        origin: origin.to_owned(),
        why: why.to_string(),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError::File {
        what: "a template".into(),
        path: path.to_owned(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;
    use crate::mail::order::Kind;
    use crate::mail::template::Values;
    use crate::mail::tests::Scratch;

    const VALUES: Values<'_> = Values {
        link: Some("https://x.example/?token=t&type=u"),
        code: Some("123456"),
        minutes: Some("60"),
        to: "ann@example.com",
    };

    #[test]
    fn every_kind_has_a_text_with_what_it_is_for_and_nothing_from_elsewhere() {
        let texts = Texts::load(None).unwrap();
        for kind in Kind::ALL {
            let text = texts.of(kind).unwrap();
            let subject = text.subject.render(&VALUES).unwrap();
            let plain = text.plain.render(&VALUES).unwrap();
            let html = text.html.render(&VALUES).unwrap();
            assert!(!subject.is_empty() && subject.len() < 60, "{subject}");
            let name = kind.name();
            let code = kind == Kind::EmailOtp;
            let link = !code && !name.starts_with("notice_");
            assert_eq!(
                plain.contains("https://x.example/?token=t&type=u"),
                link,
                "{name}"
            );
            assert_eq!(
                html.contains("href=\"https://x.example/?token=t&amp;type=u\""),
                link
            );
            assert_eq!(
                plain.contains("123456") && html.contains("123456"),
                code,
                "{name}"
            );
            for word in ["src=", "url(", "<img", "<link", "<script", "{{"] {
                assert!(!html.contains(word), "{name}: {word}");
            }
            assert!(html.matches("http").count() <= 2, "{name}");
        }
    }

    #[test]
    fn a_file_replaces_the_text_of_its_kind_only() {
        let scratch = Scratch::new("templates");
        scratch.write("magic_link.txt", "Hello {{to}}: {{link}}");
        scratch.write("magic_link.subject", "Sign in\n");
        scratch.write("notes.md", "{{whatever}}");
        let texts = Texts::load(Some(scratch.path())).unwrap();
        let own = texts.of(Kind::MagicLink).unwrap();
        assert_eq!(
            own.plain.render(&VALUES).unwrap(),
            "Hello ann@example.com: https://x.example/?token=t&type=u"
        );
        assert_eq!(own.subject.render(&VALUES).unwrap(), "Sign in");
        assert!(own.html.render(&VALUES).unwrap().contains("<html"));
        let other = texts.of(Kind::Invitation).unwrap();
        assert!(!other.plain.render(&VALUES).unwrap().contains("Hello"));
    }

    #[test]
    fn mistakes_stop_the_start_and_name_the_file() {
        for (name, text, said) in [
            (
                "magic_link.html",
                "<p>{{lnk}}</p>",
                "unknown placeholder {{lnk}}",
            ),
            (
                "email_otp.subject",
                "Code {{kode}}",
                "unknown placeholder {{kode}}",
            ),
            (
                "email_otp.subject",
                "Code\r\nBcc: b@c.d",
                "a subject is one line",
            ),
            ("email_otp.subject", " \n", "a subject is one line"),
            ("magiclink.txt", "{{link}}", "no kind of mail has this name"),
        ] {
            let scratch = Scratch::new("mistakes");
            scratch.write(name, text);
            let error = Texts::load(Some(scratch.path())).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_stops_the_start() {
        let scratch = Scratch::new("gone");
        let path = scratch.path().join("nowhere");
        let error = Texts::load(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("nowhere"), "{error}");
    }
}
