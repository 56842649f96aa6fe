//! Functions of a row: computed columns and computed relationships.

use std::collections::HashMap;

use crate::catalog::{
    ArgumentMode, Catalog, Function, FunctionId, RelationId, Relationship, RelationshipKind,
    Returns,
};

/// What a function adds to the relation whose row is its only argument.
pub(super) struct Computes {
    of: RelationId,
    what: What,
}

enum What {
    Column,
    Relationship { to: RelationId, one: bool },
}

/// What the function computes for a row of a relation served, if that is what it is for.
///
/// Such a function is not called by name: its argument is a row that exists, and a caller who could write one down
/// would get answers about rows that do not. One that gives back neither a value nor rows of a relation (void, a set of
/// values, a row of its own) computes nothing here and may be called, with an object as its argument.
pub(super) fn computes(catalog: &Catalog, function: &Function, one: bool) -> Option<Computes> {
    let [argument] = function.arguments.as_slice() else {
        return None;
    };
    if argument.mode != ArgumentMode::In || function.procedure {
        return None;
    }
    // The row type of a relation has the relation's name.
    let row = &argument.data_type;
    let of = catalog.relation_id(Some(row.schema.as_str()), row.name.as_str())?;
    let what = match function.returns {
        Returns::Scalar { .. } if !function.set => What::Column,
        Returns::Relation(to) => What::Relationship { to, one },
        _ => return None,
    };
    Some(Computes { of, what })
}

/// Adds functions of rows, ordered by schema and name. A name stands once at a relation: a column of the table hides a
/// computed one, as in PostgreSQL, and a function of the relation's own schema hides those of others.
pub(super) fn add(catalog: &mut Catalog, functions: Vec<(Function, Computes)>) {
    let mut chosen: HashMap<(RelationId, Box<str>), usize> = HashMap::new();
    for (index, (function, computes)) in functions.iter().enumerate() {
        let Some(relation) = catalog.get(computes.of) else {
            continue;
        };
        let name = function.name.as_str();
        if matches!(computes.what, What::Column) && relation.column(name).is_some() {
            continue;
        }
        let slot = chosen.entry((computes.of, name.into())).or_insert(index);
        if function.schema == relation.schema {
            *slot = index;
        }
    }
    for (index, (function, computes)) in functions.into_iter().enumerate() {
        let key = (computes.of, Box::from(function.name.as_str()));
        if chosen.get(&key) != Some(&index) {
            continue;
        }
        let id = FunctionId(catalog.functions.len());
        match computes.what {
            What::Column => {
                if let Some(relation) = catalog.relations.get_mut(computes.of.0) {
                    relation.computed.push(id);
                    relation.by_computed.insert(key.1, id);
                }
            }
            What::Relationship { to, one } => {
                if let Some(ways) = catalog.relationships.get_mut(computes.of.0) {
                    ways.push(Relationship {
                        name: function.name.clone(),
                        to,
                        kind: RelationshipKind::Computed { function: id, one },
                    });
                }
            }
        }
        catalog.functions.push(function);
    }
}
