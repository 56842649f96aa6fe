//! What the ways of a table to others are called.
//!
//! Each way has names to try, the plain one first. It goes by the first of them that neither a column nor another way
//! wants at the same stage; two ways that want the same name both move on, so that none depends on which came first.
//!
//! A way that a view opens waits until all others have their names, and never has a plain one: whoever adds a view for
//! one page must not rename a field under the feet of every other. For the same reason it holds the view's name whole,
//! without a plural taken away: `post_list` and `post_lists` are two names then.

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
    let wanted = ways.iter().enumerate();
    let (of_views, of_tables): (Vec<_>, Vec<_>) = wanted
        .map(|(place, way)| (place, candidates(catalog, from, way, &called)))
        .partition(|(place, _)| ways.get(*place).is_some_and(|way| by_view(catalog, way)));
    let mut named = choose(of_tables, taken);
    named.extend(choose(of_views, taken));
    named.sort_unstable_by_key(|(place, _)| *place);
    named.into_iter().map(|(_, name)| name).collect()
}

/// Whether it is there because a view is. A function of a row has a name of its own, whatever it returns.
fn by_view(catalog: &Catalog, way: &Relationship) -> bool {
    let is_view = |id| catalog.get(id).is_some_and(Relation::is_view);
    match way.kind {
        RelationshipKind::ToOne { .. } | RelationshipKind::ToMany { .. } => is_view(way.to),
        RelationshipKind::Through { junction, .. } => is_view(way.to) || is_view(junction),
        RelationshipKind::Computed { .. } => false,
    }
}

/// Of the names that each wants, one for each.
fn choose(
    mut open: Vec<(usize, Vec<String>)>,
    taken: &mut HashSet<Box<str>>,
) -> Vec<(usize, String)> {
    let mut named = Vec::with_capacity(open.len());
    let stages = open.iter().map(|(_, names)| names.len()).max();
    for stage in 0..stages.unwrap_or_default() {
        let mut wish: HashMap<String, usize> = HashMap::new();
        for name in open.iter().filter_map(|(_, names)| names.get(stage)) {
            *wish.entry(name.clone()).or_default() += 1;
        }
        open.retain(|(place, names)| {
            let Some(name) = names.get(stage) else {
                return true;
            };
            let own = wish.get(name) == Some(&1) && taken.insert(name.as_str().into());
            if own {
                named.push((*place, name.clone()));
            }
            !own
        });
    }
    // Nothing that was tried was free: the last one, with a number.
    let last = open.into_iter().map(|(place, wanted)| {
        let name = wanted.into_iter().last().unwrap_or_default();
        (place, free(name, taken))
    });
    named.extend(last);
    named
}

fn candidates(
    catalog: &Catalog,
    from: &Relation,
    way: &Relationship,
    called: &impl Fn(RelationId) -> String,
) -> Vec<String> {
    let by_view = by_view(catalog, way);
    let many = called(way.to);
    let whole = || many.clone();
    let one = match by_view {
        true => whole(),
        false => singular(&many).unwrap_or_else(whole),
    };
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
    let mut names = match &way.kind {
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
    };
    if by_view && names.len() > 1 {
        names.remove(0);
    }
    names
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
