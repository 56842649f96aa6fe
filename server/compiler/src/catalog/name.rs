//! The proof that a name came from the database.

use std::fmt;

/// A name the catalog knows. Only the catalog's loader can make one, so that text of a caller can never take its
/// place in SQL: it would not compile.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// For the loader alone; PostgreSQL's own names hold no NUL and at most 63 bytes.
    pub(super) fn of_catalog(text: &str) -> Self {
        Name(text.into())
    }

    /// A name that this crate makes of one the catalog holds, by a rule that knows nothing else of a request.
    pub(crate) fn reworded(&self, rule: impl FnOnce(&str) -> String) -> Self {
        Name(rule(&self.0).into())
    }

    /// The bare name, for messages and look-ups.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
