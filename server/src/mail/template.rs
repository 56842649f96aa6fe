//! Text with `{{placeholders}}`.

use std::fmt;

/// What can stand between the braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The address to open.
    Link,
    /// What is typed in.
    Code,
    /// For how long either is good.
    Minutes,
    /// The address the mail goes to.
    To,
}

impl Placeholder {
    const ALL: [Self; 4] = [Self::Link, Self::Code, Self::Minutes, Self::To];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Code => "code",
            Self::Minutes => "minutes",
            Self::To => "to",
        }
    }
}

/// What the placeholders of one mail stand for. No `Debug`: link and code are secrets.
pub struct Values<'a> {
    /// The address to open, if there is one.
    pub link: Option<&'a str>,
    /// What is typed in, if anything.
    pub code: Option<&'a str>,
    /// For how long, if it ends.
    pub minutes: Option<&'a str>,
    /// Where the mail goes.
    pub to: &'a str,
}

impl Values<'_> {
    fn of(&self, placeholder: Placeholder) -> Option<&str> {
        match placeholder {
            Placeholder::Link => self.link,
            Placeholder::Code => self.code,
            Placeholder::Minutes => self.minutes,
            Placeholder::To => Some(self.to),
        }
    }
}

/// Why a text is no template.
#[derive(Debug, PartialEq, Eq)]
pub enum Mistake {
    /// Nobody knows this placeholder.
    Unknown(String),
    /// `{{` without `}}`.
    Unclosed,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(
                f,
                "unknown placeholder {{{{{name}}}}}; there are {{{{link}}}} {{{{code}}}} {{{{minutes}}}} {{{{to}}}}"
            ),
            Self::Unclosed => f.write_str("{{ without }}"),
        }
    }
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(Placeholder),
}

/// How values are written into a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Plain,
    /// With what means something in HTML escaped, in quoted attributes too.
    Html,
}

/// A text that was read once and is filled in for each mail.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
    form: Form,
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// At the first placeholder that is not known or not closed.
    pub fn parse(text: &str, form: Form) -> Result<Self, Mistake> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after.split_once("}}").ok_or(Mistake::Unclosed)?;
            let name = name.trim();
            let placeholder = Placeholder::ALL
                .into_iter()
                .find(|known| known.name() == name)
                .ok_or_else(|| Mistake::Unknown(name.to_owned()))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Value(placeholder));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts, form })
    }

    /// Fills it in.
    ///
    /// # Errors
    /// Names the placeholder this mail has no value for: half a mail helps nobody.
    pub fn render(&self, values: &Values<'_>) -> Result<String, Placeholder> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value(placeholder) => {
                    let value = values.of(*placeholder).ok_or(*placeholder)?;
                    match self.form {
                        Form::Plain => out.push_str(value),
                        Form::Html => escape(value, &mut out),
                    }
                }
            }
        }
        Ok(out)
    }
}

fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Form, Mistake, Placeholder, Template, Values};

    const VALUES: Values<'_> = Values {
        link: Some("https://x.example/?a=1&b='2'"),
        code: None,
        minutes: Some("60"),
        to: "\"<b>\"@x.example",
    };

    fn fill(text: &str, form: Form) -> Result<String, Placeholder> {
        Template::parse(text, form).unwrap().render(&VALUES)
    }

    #[test]
    fn values_stand_where_the_placeholders_stood() {
        assert_eq!(
            fill("{{minutes}} min: {{ link }}.", Form::Plain).unwrap(),
            "60 min: https://x.example/?a=1&b='2'."
        );
        assert_eq!(
            fill("no {braces} }}", Form::Plain).unwrap(),
            "no {braces} }}"
        );
    }

    #[test]
    fn html_takes_no_markup_from_values() {
        assert_eq!(
            fill("<a href=\"{{link}}\">{{to}}</a>", Form::Html).unwrap(),
            "<a href=\"https://x.example/?a=1&amp;b=&#39;2&#39;\">&quot;&lt;b&gt;&quot;@x.example</a>"
        );
    }

    #[test]
    fn a_value_that_looks_like_a_placeholder_stays_a_value() {
        let template = Template::parse("{{to}}", Form::Plain).unwrap();
        let values = Values {
            to: "{{code}}",
            ..VALUES
        };
        assert_eq!(template.render(&values).unwrap(), "{{code}}");
    }

    #[test]
    fn a_missing_value_is_named_instead_of_left_out() {
        assert_eq!(
            fill("Your code: {{code}}", Form::Plain),
            Err(Placeholder::Code)
        );
    }

    #[test]
    fn mistakes_are_found_when_the_text_is_read() {
        for (text, mistake) in [
            ("{{tokn}}", Mistake::Unknown("tokn".into())),
            ("{{}}", Mistake::Unknown(String::new())),
            ("{{LINK}}", Mistake::Unknown("LINK".into())),
            ("{{link", Mistake::Unclosed),
        ] {
            assert_eq!(Template::parse(text, Form::Plain).err(), Some(mistake));
        }
        let message = Mistake::Unknown("tokn".into()).to_string();
        assert!(
            message.starts_with("unknown placeholder {{tokn}};"),
            "{message}"
        );
    }
}
