//! Why an operation is refused: messages, places and codes of the wire. No text of the database, no SQL.

use super::document::Pos;

/// `extensions.code`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Not a GraphQL document.
    ParseFailed,
    /// A document that does not fit the schema, or variables that do not fit the document.
    ValidationFailed,
    /// Nested too deep.
    DepthLimit,
    /// Too expensive.
    ComplexityLimit,
    /// `__schema` and `__type` are switched off.
    IntrospectionDisabled,
    /// A mutation in a request that may not change anything.
    NeedsPost,
}

impl Code {
    /// As the wire spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Code::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Code::DepthLimit => "DEPTH_LIMIT_EXCEEDED",
            Code::ComplexityLimit => "COMPLEXITY_LIMIT_EXCEEDED",
            Code::IntrospectionDisabled => "INTROSPECTION_DISABLED",
            Code::NeedsPost => "METHOD_NOT_ALLOWED",
        }
    }
}

/// A place in the document, from 1; columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Location {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One entry of `errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// One sentence.
    pub message: String,
    /// Where in the document; empty when no place is to blame.
    pub locations: Vec<Location>,
    /// The response key concerned, from the root.
    pub path: Vec<String>,
    /// What kind.
    pub code: Code,
}

/// A refused operation: at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In the order they were found.
    pub errors: Vec<Error>,
}

impl Refusal {
    /// What stands in `errors` of the answer.
    pub fn listed(&self) -> serde_json::Value {
        self.errors
            .iter()
            .map(|error| {
                let mut entry = serde_json::json!({
                    "message": error.message,
                    "extensions": { "code": error.code.as_str() },
                });
                if let Some(entry) = entry.as_object_mut() {
                    if !error.locations.is_empty() {
                        entry.insert("locations".to_owned(), locations(&error.locations));
                    }
                    if !error.path.is_empty() {
                        entry.insert("path".to_owned(), error.path.clone().into());
                    }
                }
                entry
            })
            .collect()
    }
}

fn locations(all: &[Location]) -> serde_json::Value {
    all.iter()
        .map(|place| serde_json::json!({ "line": place.line, "column": place.column }))
        .collect()
}

/// An error under way: its places are still bytes. It is in a box since everything that can fail hands back room for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem(Box<Details>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    code: Code,
    message: String,
    at: Vec<Pos>,
    path: Vec<String>,
}

impl Problem {
    pub(super) fn new(code: Code, message: impl Into<String>, at: Pos) -> Self {
        Problem(Box::new(Details {
            code,
            message: message.into(),
            at: vec![at],
            path: Vec::new(),
        }))
    }

    /// What the rules of the specification find.
    pub(super) fn invalid(message: impl Into<String>, at: Pos) -> Self {
        Self::new(Code::ValidationFailed, message, at)
    }

    /// With a second place.
    pub(super) fn and(mut self, at: Pos) -> Self {
        self.0.at.push(at);
        self
    }

    /// Nothing in the document is to blame.
    pub(super) fn nowhere(mut self) -> Self {
        self.0.at.clear();
        self
    }

    /// With the response key concerned.
    pub(super) fn at_key(mut self, key: &str) -> Self {
        self.0.path = vec![key.to_owned()];
        self
    }

    pub(super) fn located(self, text: &str) -> Error {
        let Details {
            code,
            message,
            at,
            path,
        } = *self.0;
        Error {
            locations: at.iter().map(|at| location(text, *at)).collect(),
            message,
            path,
            code,
        }
    }
}

fn location(text: &str, at: Pos) -> Location {
    let before = text.get(..at.0).unwrap_or(text);
    // As the specification ends lines: \n, \r\n and \r.
    let ends = |c: char| matches!(c, '\n' | '\r');
    let breaks = before.matches(ends).count() - before.matches("\r\n").count();
    let line = before.rsplit(ends).next().unwrap_or(before);
    Location {
        line: breaks + 1,
        column: line.chars().count() + 1,
    }
}

/// Names and values of the caller in messages: shortened, so that a long request does not come back as a long answer.
pub(super) fn shown(text: &str) -> String {
    crate::error::Shown::from(text).to_string()
}
