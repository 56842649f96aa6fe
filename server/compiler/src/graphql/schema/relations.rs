//! What the ways of a table to others are called.
//!
//! Each way has names to try, the plain one first. It goes by the first of them that neither a column nor another way
//! wants at the same stage; two ways that want the same name both move on, so that none depends on which came first.

use std::collections::{HashMap, HashSet};

use crate::catalog::{Catalog, Columns, Relation, RelationId, Relationship, RelationshipKind};
use crate::graphql::names::{camel, free, pascal, singular};

/// The names of `ways`, in their order. `taken` are those of columns, and holds all of them afterwards.
pub(super) fn names(
    catalog: &Catalog,
    from: &Relation,
    ways: &[&Relationship],
    called: impl Fn(RelationId) -> String,
    taken: &mut HashSet<Box<str>>,
) -> Vec<String> {
    let wanted: Vec<Vec<String>> = ways
        .iter()
        .map(|way| candidates(catalog, from, way, &called))
        .collect();
    let mut found: Vec<Option<String>> = vec![None; ways.len()];
    let stages = wanted.iter().map(Vec::len).max().unwrap_or_default();
    for stage in 0..stages {
        let mut wish: HashMap<&str, usize> = HashMap::new();
        let open =
            |found: &[Option<String>], place: usize| found.get(place).is_some_and(Option::is_none);
        for (place, names) in wanted.iter().enumerate() {
            if let Some(name) = names.get(stage).filter(|_| open(&found, place)) {
                *wish.entry(name).or_default() += 1;
            }
        }
        for (place, names) in wanted.iter().enumerate() {
            let Some(name) = names.get(stage).filter(|_| open(&found, place)) else {
                continue;
            };
            if wish.get(name.as_str()) == Some(&1)
                && taken.insert(name.as_str().into())
                && let Some(slot) = found.get_mut(place)
            {
                *slot = Some(name.clone());
            }
        }
    }
    // Nothing that was tried was free: the last one, with a number.
    let last = found.into_iter().zip(wanted);
    last.map(|(found, wanted)| {
        found.unwrap_or_else(|| free(wanted.into_iter().last().unwrap_or_default(), taken))
    })
    .collect()
}

fn candidates(
    catalog: &Catalog,
    from: &Relation,
    way: &Relationship,
    called: &impl Fn(RelationId) -> String,
) -> Vec<String> {
    let many = called(way.to);
    let one = singular(&many).unwrap_or_else(|| many.clone());
    let columns = |of: Option<&Relation>, positions: Vec<usize>| -> Vec<String> {
        let names = positions
            .into_iter()
            .filter_map(|position| of?.columns.get(position));
        names
            .map(|column| column.name.as_str().to_owned())
            .collect()
    };
    let near = |pairs: &Columns| pairs.iter().map(|(near, _)| *near).collect();
    let far = |pairs: &Columns| pairs.iter().map(|(_, far)| *far).collect();
    let by = |names: Vec<String>| pascal(&names.join("_"));
    match &way.kind {
        RelationshipKind::ToOne { columns: pairs } => {
            let own = columns(Some(from), near(pairs));
            match own.as_slice() {
                [column] => match column.strip_suffix("_id") {
                    Some(stem) => {
                        vec![camel(stem), format!("{}{}", camel(stem), capitalised(&one))]
                    }
                    // The column has the plain name; what it points to says which is which.
                    None => vec![format!("{}{}", camel(column), capitalised(&one))],
                },
                _ => vec![one.clone(), format!("{one}By{}", by(own.clone()))],
            }
        }
        RelationshipKind::ToMany {
            columns: pairs,
            unique,
        } => {
            let plain = if *unique { one } else { many };
            let key = by(columns(catalog.get(way.to), far(pairs)));
            vec![plain.clone(), format!("{plain}By{key}")]
        }
        RelationshipKind::Through {
            junction,
            near_columns,
            ..
        } => {
            let via = format!("{many}Via{}", capitalised(&called(*junction)));
            let key = by(columns(catalog.get(*junction), far(near_columns)));
            vec![many, via.clone(), format!("{via}By{key}")]
        }
        RelationshipKind::Computed { .. } => vec![camel(way.name.as_str())],
    }
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}
