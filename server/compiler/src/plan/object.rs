//! Several reads as the members of one object.

use crate::Error;
use crate::ask;
use crate::catalog::{Catalog, Relation};
use crate::plan::{
    Act, Facet, Limits, Member, MemberName, Object, Part, Plan, Value, World, call, names, read,
};

/// Resolves an object against a snapshot.
///
/// # Errors
/// As [`crate::plan::plan`], with the place of the member it is about.
pub fn plan<'a>(
    object: &'a ask::Object<'a>,
    catalog: &'a Catalog,
    limits: &Limits,
) -> Result<Plan<'a>, (usize, Error)> {
    let world = World { catalog, limits };
    let mut planned = Object {
        output: Vec::with_capacity(object.members.len()),
        parts: Vec::new(),
    };
    for (place, member) in object.members.iter().enumerate() {
        let value = match &member.value {
            ask::Part::Text(text) => Value::Text(text),
            ask::Part::Json(json) => Value::Json(json),
            ask::Part::Read { .. } | ask::Part::Call { .. } | ask::Part::Connection { .. } => {
                let part = part(world, &member.value).map_err(|error| (place, error))?;
                planned.parts.push(part);
                Value::Embed(planned.parts.len() - 1)
            }
        };
        planned.output.push(Member {
            name: MemberName::of_key(&member.name),
            value,
        });
    }
    Ok(Plan {
        act: Act::Object(planned),
        wishes: &object.wishes,
        made: None,
        geo_json: None,
    })
}

fn part<'a>(world: World<'a, '_>, part: &'a ask::Part<'a>) -> Result<Part<'a>, Error> {
    match part {
        ask::Part::Read { table, read } => {
            let relation = names::relation(world.catalog, table)?;
            read::plan(world, relation, read).map(Part::Read)
        }
        ask::Part::Call { function, call } => {
            let call = call::plan(world, function, call)?;
            // A statement of reads runs READ ONLY, where a function that writes fails anyway.
            if !call.read_only {
                return Err(Error::Unsupported("A function that writes among reads"));
            }
            Ok(Part::Call(call))
        }
        ask::Part::Connection { table, facets } => {
            let relation = names::relation(world.catalog, table)?;
            self::facets(world, relation, facets).map(Part::Connection)
        }
        ask::Part::Text(_) | ask::Part::Json(_) => {
            Err(Error::Unsupported("A constant among reads"))
        }
    }
}

/// The facets of a page, by the names of the answer.
type Facets<'a> = Vec<(MemberName<'a>, Facet<'a>)>;

fn facets<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    facets: &'a [(ask::Key<'a>, ask::Facet<'a>)],
) -> Result<Facets<'a>, Error> {
    let facets = facets.iter().map(|(name, facet)| {
        let facet = match facet {
            ask::Facet::Edges {
                read,
                backwards,
                members,
            } => Facet::Edges {
                read: read::plan(world, relation, read)?,
                backwards: *backwards,
                members: named(members),
            },
            ask::Facet::Page {
                read,
                backwards,
                behind,
                members,
            } => {
                let mut read = read::plan(world, relation, read)?;
                read.limit = read.limit.map(|rows| rows.saturating_add(1));
                Facet::Page {
                    read,
                    backwards: *backwards,
                    behind: *behind,
                    members: named(members),
                }
            }
            ask::Facet::Count(read) => Facet::Count(read::plan(world, relation, read)?),
            ask::Facet::Row(read) => Facet::Row(read::plan(world, relation, read)?),
            ask::Facet::Object(inner) => Facet::Object(self::facets(world, relation, inner)?),
            ask::Facet::Text(text) => Facet::Text(text),
        };
        Ok((MemberName::of_key(name), facet))
    });
    facets.collect()
}

fn named<'a, T>(members: &'a [(ask::Key<'a>, T)]) -> Vec<(MemberName<'a>, &'a T)> {
    let members = members.iter();
    members
        .map(|(name, part)| (MemberName::of_key(name), part))
        .collect()
}
