//! Several reads as the members of one object.

use crate::Error;
use crate::ask;
use crate::catalog::Catalog;
use crate::plan::{
    Act, Limits, Member, MemberName, Object, Part, Plan, Value, World, call, names, read,
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
            ask::Part::Read { .. } | ask::Part::Call { .. } => {
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
        ask::Part::Text(_) | ask::Part::Json(_) => {
            Err(Error::Unsupported("A constant among reads"))
        }
    }
}
