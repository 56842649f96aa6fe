//! Embedded relations: which way leads there, and what is read at its end.

use std::borrow::Cow;

use crate::Error;
use crate::ask;
use crate::catalog::{Catalog, Column, Relation, RelationKind, Relationship, RelationshipKind};
use crate::error::{NameError, Way};
use crate::plan::{Embed, Link, Member, MemberName, Read, Value, World, names, read};

/// Resolves an embedded relation, and by what it goes.
pub(super) fn plan<'a>(
    world: World<'a, '_>,
    from: &'a Relation,
    ask: &'a ask::Embed<'a>,
) -> Result<(MemberName<'a>, Embed<'a>), Error> {
    let way = find(world.catalog, from, ask)?;
    let (to, end) = end(world, from, way)?;
    if ask.spread && ask.read.select.is_empty() {
        return Err(NameError::EmptySpread(ask.target.as_ref().into()).into());
    }
    let name = match &ask.rename {
        Some(name) => MemberName::of_key(name),
        None if to.name.as_str() == ask.target => MemberName::Own(&to.name),
        None if way.name.as_str() == ask.target => MemberName::Own(&way.name),
        None => MemberName::Given(Cow::Borrowed(&ask.target)),
    };
    let embed = Embed {
        read: read::embedded(world, to, &ask.read)?,
        spread: ask.spread,
        ..end
    };
    Ok((name, embed))
}

/// The rows at the end of a way that a front end has resolved.
pub(super) fn related<'a>(
    world: World<'a, '_>,
    from: &'a Relation,
    way: usize,
    read: &'a ask::Read<'a>,
) -> Result<Embed<'a>, Error> {
    let (to, end) = end(world, from, numbered(world.catalog, from, way)?)?;
    Ok(Embed {
        read: read::embedded(world, to, read)?,
        ..end
    })
}

/// The same without saying what is read.
pub(super) fn step<'a>(
    world: World<'a, '_>,
    from: &'a Relation,
    way: usize,
) -> Result<Embed<'a>, Error> {
    Ok(end(world, from, numbered(world.catalog, from, way)?)?.1)
}

fn numbered<'a>(
    catalog: &'a Catalog,
    from: &Relation,
    way: usize,
) -> Result<&'a Relationship, Error> {
    let id = catalog.relation_id(Some(from.schema.as_str()), from.name.as_str());
    let way = id.and_then(|id| catalog.relationships(id).get(way));
    way.ok_or_else(|| gone(from, ""))
}

/// Where a way leads, and the embedded read without what is read.
fn end<'a>(
    world: World<'a, '_>,
    from: &'a Relation,
    way: &'a Relationship,
) -> Result<(&'a Relation, Embed<'a>), Error> {
    let gone = || gone(from, way.name.as_str());
    let to = world.catalog.get(way.to).ok_or_else(gone)?;
    let link = link(world.catalog, from, to, way).ok_or_else(gone)?;
    let to_one = way.is_to_one();
    let computed = matches!(link, Link::Computed(_));
    let view = matches!(
        to.kind,
        RelationKind::View | RelationKind::MaterializedView | RelationKind::ForeignTable
    );
    let embed = Embed {
        uncertain: to_one && (computed || view),
        link,
        read: Read::bare(to),
        to_one,
        spread: false,
    };
    Ok((to, embed))
}

fn gone(from: &Relation, target: &str) -> Error {
    NameError::Relationship {
        from: names::display_name(from),
        target: target.into(),
        nearest: None,
    }
    .into()
}

/// The columns of a spread read, each as a member of the row around it.
pub(super) fn spread<'a>(place: usize, embed: &Embed<'a>) -> Vec<Member<'a>> {
    let members = embed.read.output.iter().enumerate();
    members
        .map(|(member, inner)| Member {
            name: inner.name.clone(),
            value: Value::Spread {
                embed: place,
                member,
            },
        })
        .collect()
}

/// The one way that is meant.
fn find<'a>(
    catalog: &'a Catalog,
    from: &'a Relation,
    ask: &ask::Embed<'_>,
) -> Result<&'a Relationship, Error> {
    let id = catalog.relation_id(Some(from.schema.as_str()), from.name.as_str());
    let ways = id.map_or(&[][..], |id| catalog.relationships(id));
    let by = |test: &dyn Fn(&Relationship) -> bool| -> Vec<&'a Relationship> {
        ways.iter().filter(|way| test(way)).collect()
    };
    let to_name = |way: &Relationship| catalog.get(way.to).map(|to| to.name.as_str());
    let target = ask.target.as_ref();
    // A function of that name stands before what keys say: it is how a developer overrules them.
    let mut found = by(&|way| is_computed(way) && way.name.as_str() == target);
    if found.is_empty() {
        found = by(&|way| !is_computed(way) && to_name(way) == Some(target));
    }
    if found.is_empty() {
        found = by(&|way| way.name.as_str() == target);
    }
    if found.is_empty() {
        found = by(&|way| leads_by_column(from, way, target));
    }
    if found.is_empty() {
        let reachable: Vec<&Relation> = ways.iter().filter_map(|way| catalog.get(way.to)).collect();
        let similar = names::nearest(target, reachable.iter().copied(), |to| to.name.as_str());
        return Err(NameError::Relationship {
            from: names::display_name(from),
            target: target.into(),
            nearest: similar.map(|to| to.name.as_str().to_owned()),
        }
        .into());
    }
    if let Some(hint) = ask.hint.as_deref() {
        let all = found.clone();
        found.retain(|way| hinted(catalog, from, way, hint));
        // Both directions of a key to the relation itself have its column and its name: the key's column as the target
        // already means the row it points to, so a hint means the rows that point here.
        if found.len() > 1
            && found
                .iter()
                .all(|way| catalog.get(way.to).is_some_and(|to| std::ptr::eq(to, from)))
        {
            found.retain(|way| matches!(way.kind, RelationshipKind::ToMany { .. }));
        }
        if found.is_empty() {
            return Err(NameError::Hint {
                hint: hint.into(),
                target: target.into(),
                ways: all.iter().map(|way| describe(catalog, from, way)).collect(),
            }
            .into());
        }
    }
    match found.as_slice() {
        [one] => Ok(one),
        several => Err(NameError::Ambiguous {
            from: names::display_name(from),
            target: target.into(),
            ways: several
                .iter()
                .map(|way| describe(catalog, from, way))
                .collect(),
        }
        .into()),
    }
}

fn is_computed(way: &Relationship) -> bool {
    matches!(way.kind, RelationshipKind::Computed { .. })
}

/// `author_id` or `author` for the row that the column `author_id` points to.
fn leads_by_column(from: &Relation, way: &Relationship, target: &str) -> bool {
    let RelationshipKind::ToOne { columns } = &way.kind else {
        return false;
    };
    let [(near, _)] = columns.as_slice() else {
        return false;
    };
    from.columns.get(*near).is_some_and(|column| {
        let name = column.name.as_str();
        name == target || name.strip_suffix("_id") == Some(target)
    })
}

/// Whether a hint means this way: by the key, a column of it, or the junction.
fn hinted(catalog: &Catalog, from: &Relation, way: &Relationship, hint: &str) -> bool {
    let named = |relation: Option<&Relation>, position: usize| {
        relation
            .and_then(|relation| relation.columns.get(position))
            .is_some_and(|column| column.name.as_str() == hint)
    };
    way.name.as_str() == hint
        || match &way.kind {
            RelationshipKind::ToOne { columns } => {
                columns.iter().any(|(near, _)| named(Some(from), *near))
            }
            RelationshipKind::ToMany { columns, .. } => columns
                .iter()
                .any(|(_, far)| named(catalog.get(way.to), *far)),
            RelationshipKind::Through { junction, far, .. } => {
                far.as_str() == hint
                    || catalog
                        .get(*junction)
                        .is_some_and(|junction| junction.name.as_str() == hint)
            }
            RelationshipKind::Computed { .. } => false,
        }
}

fn describe(catalog: &Catalog, from: &Relation, way: &Relationship) -> Way {
    let to = catalog.get(way.to);
    let list = |relation: Option<&Relation>, columns: Vec<usize>| {
        let names: Vec<&str> = columns
            .iter()
            .filter_map(|position| relation?.columns.get(*position))
            .map(|column| column.name.as_str())
            .collect();
        names.join(", ")
    };
    let pair = |columns: &[(usize, usize)]| {
        let (near, far) = columns.iter().copied().unzip();
        (list(Some(from), near), list(to, far))
    };
    let key = way.name.as_str();
    let (cardinality, through) = match &way.kind {
        RelationshipKind::ToOne { columns } => {
            let (near, far) = pair(columns);
            (
                "many-to-one",
                format!(
                    "{key} using {}({near}) and {}({far})",
                    from.name.as_str(),
                    to.map_or("", |to| to.name.as_str())
                ),
            )
        }
        RelationshipKind::ToMany { columns, unique } => {
            let (near, far) = pair(columns);
            (
                if *unique { "one-to-one" } else { "one-to-many" },
                format!(
                    "{key} using {}({near}) and {}({far})",
                    from.name.as_str(),
                    to.map_or("", |to| to.name.as_str())
                ),
            )
        }
        RelationshipKind::Through { junction, far, .. } => {
            let junction = catalog
                .get(*junction)
                .map_or("", |junction| junction.name.as_str());
            (
                "many-to-many",
                format!("{junction} using {key} and {}", far.as_str()),
            )
        }
        RelationshipKind::Computed { .. } => ("computed", key.to_owned()),
    };
    Way {
        cardinality,
        embedding: format!(
            "{} with {}",
            from.name.as_str(),
            to.map_or("", |to| to.name.as_str())
        ),
        relationship: through,
        hint: format!(
            "{}!{}",
            to.map_or("", |to| to.name.as_str()),
            match &way.kind {
                RelationshipKind::Through { junction, .. } => catalog
                    .get(*junction)
                    .map_or("", |junction| junction.name.as_str()),
                _ => key,
            }
        ),
    }
}

fn link<'a>(
    catalog: &'a Catalog,
    from: &'a Relation,
    to: &'a Relation,
    way: &'a Relationship,
) -> Option<Link<'a>> {
    Some(match &way.kind {
        RelationshipKind::ToOne { columns } | RelationshipKind::ToMany { columns, .. } => {
            Link::Columns(resolve(from, to, columns)?)
        }
        RelationshipKind::Through {
            junction,
            near_columns,
            far_columns,
            ..
        } => {
            let junction = catalog.get(*junction)?;
            Link::Through {
                junction,
                near: resolve(from, junction, near_columns)?,
                far: resolve(junction, to, far_columns)?,
            }
        }
        RelationshipKind::Computed { function, .. } => Link::Computed(catalog.function(*function)?),
    })
}

fn resolve<'a>(
    near: &'a Relation,
    far: &'a Relation,
    pairs: &[(usize, usize)],
) -> Option<Vec<(&'a Column, &'a Column)>> {
    pairs
        .iter()
        .map(|(one, other)| Some((near.columns.get(*one)?, far.columns.get(*other)?)))
        .collect()
}
