//! How rows of one relation find rows of another.

use super::{Catalog, ForeignKey, FunctionId, Name, RelationId};

/// Pairs of columns that must be equal: positions on the near side and on the far side.
pub type Columns = Vec<(usize, usize)>;

/// One way from a relation to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relationship {
    /// The constraint, or the function behind a computed one.
    pub name: Name,
    /// Where it leads.
    pub to: RelationId,
    /// By which means.
    pub kind: RelationshipKind,
}

/// What links the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationshipKind {
    /// This side holds the key: at most one row over there.
    ToOne {
        /// Of this relation and of the other.
        columns: Columns,
    },
    /// The other side holds the key.
    ToMany {
        /// Of this relation and of the other.
        columns: Columns,
        /// Whether a unique key of the other side says that there is at most one row.
        unique: bool,
    },
    /// A third relation holds keys to both.
    Through {
        /// The junction.
        junction: RelationId,
        /// The junction's key to the other side; [`Relationship::name`] is that to this side.
        far: Name,
        /// Of this relation and of the junction.
        near_columns: Columns,
        /// Of the junction and of the other relation.
        far_columns: Columns,
    },
    /// A function takes a row of this relation and returns rows of the other.
    Computed {
        /// The function.
        function: FunctionId,
        /// Whether it returns at most one row.
        one: bool,
    },
}

impl Relationship {
    /// Whether there is at most one row on the other side.
    pub fn is_to_one(&self) -> bool {
        match self.kind {
            RelationshipKind::ToOne { .. } => true,
            RelationshipKind::ToMany { unique, .. } => unique,
            RelationshipKind::Through { .. } => false,
            RelationshipKind::Computed { one, .. } => one,
        }
    }
}

/// A foreign key between two relations, each of which is its table or a view that shows the table's columns.
pub(super) struct Link {
    /// Between these relations.
    pub(super) key: ForeignKey,
    /// The number of the foreign key it comes from.
    pub(super) constraint: usize,
    /// Which of the tables below the near side holds the key, if that is a view.
    pub(super) instance: Option<usize>,
    /// Whether one of the sides is a view.
    pub(super) with_view: bool,
    /// Whether the key is part of its table's primary key, which two such keys make a junction.
    pub(super) joins: bool,
}

/// The ways that foreign keys make, for each relation.
pub(super) fn of_links(catalog: &Catalog, links: &[Link]) -> Vec<Vec<Relationship>> {
    let mut all: Vec<Vec<Relationship>> = vec![Vec::new(); catalog.relations.len()];
    for Link { key, .. } in links {
        if let Some(ways) = all.get_mut(key.from.0) {
            ways.push(Relationship {
                name: key.name.clone(),
                to: key.to,
                kind: RelationshipKind::ToOne {
                    columns: pairs(&key.from_columns, &key.to_columns),
                },
            });
        }
        if let Some(ways) = all.get_mut(key.to.0) {
            ways.push(Relationship {
                name: key.name.clone(),
                to: key.from,
                kind: RelationshipKind::ToMany {
                    columns: pairs(&key.to_columns, &key.from_columns),
                    unique: is_unique(catalog, key.from, &key.from_columns),
                },
            });
        }
    }
    for (near, far) in junctions(links) {
        if let Some(ways) = all.get_mut(near.to.0) {
            ways.push(Relationship {
                name: near.name.clone(),
                to: far.to,
                kind: RelationshipKind::Through {
                    junction: near.from,
                    far: far.name.clone(),
                    near_columns: pairs(&near.to_columns, &near.from_columns),
                    far_columns: pairs(&far.from_columns, &far.to_columns),
                },
            });
        }
    }
    all
}

fn pairs(near: &[usize], far: &[usize]) -> Columns {
    near.iter().copied().zip(far.iter().copied()).collect()
}

/// Whether those columns pin one row at most.
pub(super) fn is_unique(catalog: &Catalog, relation: RelationId, columns: &[usize]) -> bool {
    catalog.get(relation).is_some_and(|relation| {
        relation.unique_keys.iter().any(|unique| {
            !unique.is_empty() && unique.iter().all(|column| columns.contains(column))
        })
    })
}

/// Pairs of keys that make their relation a junction: the primary key holds the columns of both. A relation that merely
/// refers to two others (a comment: its post, its author) links nothing.
fn junctions(links: &[Link]) -> Vec<(&ForeignKey, &ForeignKey)> {
    let mut joining: Vec<&Link> = links.iter().filter(|link| link.joins).collect();
    // Both keys must be of one row. The sort is stable.
    let row = |link: &&Link| (link.key.from.0, link.instance);
    joining.sort_by_key(row);
    joining
        .chunk_by(|one, other| row(one) == row(other))
        .flat_map(|of_one| {
            of_one.iter().flat_map(move |near| {
                of_one
                    .iter()
                    .filter(move |far| near.constraint != far.constraint)
                    .map(move |far| (&near.key, &far.key))
            })
        })
        .collect()
}
