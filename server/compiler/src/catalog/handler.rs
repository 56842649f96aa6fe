//! What makes a body of a media type.

use super::{Catalog, Name, Relation, RelationId};

/// An aggregate that makes a body of the rows of a relation.
#[derive(Debug, PartialEq, Eq)]
pub struct Handler {
    /// Its schema.
    pub schema: Name,
    /// Its name.
    pub name: Name,
    /// Of which relation it takes rows.
    pub relation: RelationId,
    /// The name of the domain it gives.
    pub media_type: Box<str>,
    /// Whether that is bytes; else a text.
    pub bytes: bool,
}

impl Handler {
    /// Whether a type of PostgreSQL's is bytes or a text; `None`: it is no body.
    pub(crate) fn is_bytes(base_type: &str) -> Option<bool> {
        match base_type {
            "bytea" => Some(true),
            "text" | "varchar" | "json" | "jsonb" | "xml" => Some(false),
            _ => None,
        }
    }
}

impl Catalog {
    /// Ordered by schema and name.
    pub fn handlers(&self) -> &[Handler] {
        &self.handlers
    }

    /// What makes that media type of rows of `relation`; of several the first by schema and name.
    pub fn handler(&self, relation: &Relation, media_type: &str) -> Option<&Handler> {
        let mut all = self.handlers.iter();
        all.find(|handler| {
            handler.media_type.eq_ignore_ascii_case(media_type)
                && self
                    .get(handler.relation)
                    .is_some_and(|of| std::ptr::eq(of, relation))
        })
    }
}
