//! The proof that a name came from the database.

use std::fmt;

/// What catalog and schema find by a name. Only names of the database are in it and what is made of them, so nobody can
/// fill it with colliding keys, and it need not be hashed as slowly as the standard library does: that was a twelfth of a
/// compilation.
pub(crate) type ByName<V> = foldhash::HashMap<Box<str>, V>;

/// A name the catalog knows. Only the catalog's loader can make one, so that text of a caller can never take its
/// place in SQL: it would not compile.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    text: Box<str>,
    /// As SQL has it, between double quotes: made once here, since a statement holds dozens of them.
    quoted: Box<str>,
}

impl Name {
    /// For the loader alone; PostgreSQL's own names hold no NUL and at most 63 bytes.
    pub(super) fn of_catalog(text: &str) -> Self {
        Name {
            text: text.into(),
            quoted: format!("\"{}\"", text.replace('"', "\"\"")).into(),
        }
    }

    /// A name that this crate makes of one the catalog holds, by a rule that knows nothing else of a request.
    pub(crate) fn reworded(&self, rule: impl FnOnce(&str) -> String) -> Self {
        Name::of_catalog(&rule(&self.text))
    }

    /// The bare name, for messages and look-ups.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as an identifier of SQL, quoted: no keyword, case or character can make it anything else.
    pub(crate) fn quoted(&self) -> &str {
        &self.quoted
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
