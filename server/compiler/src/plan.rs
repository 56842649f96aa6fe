//! `Ask` + `Catalog` → `Plan`: every name resolved, every default and cap applied. The last stage that can fail.

mod call;
mod embed;
mod filter;
mod given;
mod media;
pub mod methods;
mod names;
mod object;
mod read;
mod tree;
mod value;
mod write;

pub use object::plan as object;
pub(crate) use read::is_built;
pub use tree::*;
pub use value::*;

use crate::Error;
use crate::ask::{self, Ask};
use crate::catalog::{Catalog, Name};
use crate::error::{NameError, QueryError};

/// How much one request may take out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a read that asks for no limit.
    pub default_page_size: u64,
    /// Rows of one answer at most; a larger `limit` is cut to it.
    pub max_page_size: u64,
    /// No row at or behind this position is served; `None` for callers without that limit.
    pub max_total_results: Option<u64>,
    /// Whether `sum()` and its kin are served.
    pub aggregates: bool,
    /// Whether PostgreSQL's plans are shown.
    pub plans: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            default_page_size: 1000,
            max_page_size: 1000,
            max_total_results: Some(10_000),
            aggregates: true,
            plans: false,
        }
    }
}

/// What planning looks things up in.
#[derive(Clone, Copy)]
struct World<'a, 'l> {
    catalog: &'a Catalog,
    limits: &'l Limits,
}

/// Resolves an ask against a snapshot.
///
/// # Errors
/// Unknown names, operators a type does not have, writes a relation does not take.
pub fn plan<'a>(
    ask: &'a Ask<'a>,
    catalog: &'a Catalog,
    limits: &Limits,
) -> Result<Plan<'a>, Error> {
    let world = World { catalog, limits };
    let act = match &ask.act {
        ask::Act::Call(call) => call::plan(world, &ask.table, call).map(Act::Call)?,
        act => {
            let relation = names::relation(catalog, &ask.table)?;
            match act {
                ask::Act::Read(read) => read::plan(world, relation, read).map(Act::Read)?,
                ask::Act::Insert(insert) => {
                    write::insert(world, relation, insert).map(Act::Insert)?
                }
                ask::Act::Update(update) => {
                    write::update(world, relation, update).map(Act::Update)?
                }
                ask::Act::Delete(delete) => {
                    write::delete(world, relation, delete).map(Act::Delete)?
                }
                ask::Act::Call(_) => return Err(Error::Unsupported("A function among tables")),
            }
        }
    };
    let made = media::made(catalog, &act, &ask.wishes)?;
    let geo_json = match made {
        None => check_shape(catalog, &act, ask.wishes.shape)?,
        Some(_) => None,
    };
    if ask.wishes.explain.is_some() && !limits.plans {
        return Err(NameError::PlansOff.into());
    }
    if let Act::Call(call) = &act
        && ask.wishes.max_affected.is_some()
        && !call.function.set
    {
        return Err(NameError::NotASet(call.function.name.as_str().to_owned()).into());
    }
    Ok(Plan {
        act,
        wishes: &ask.wishes,
        made,
        geo_json,
    })
}

/// Whether rows of this act can be written that way, and for GeoJSON where its makers are.
fn check_shape<'a>(
    catalog: &'a Catalog,
    act: &Act<'_>,
    shape: ask::Shape,
) -> Result<Option<&'a Name>, Error> {
    match (shape, answered(act)) {
        (ask::Shape::GeoJson, Some(read)) if is_built(&read.output) => Err(Error::Unsupported(
            "application/geo+json of renamed columns",
        )),
        // Without a place there is no feature, and PostGIS would refuse each row, but not where there is none.
        (ask::Shape::GeoJson, Some(read)) => match catalog.post_gis() {
            Some(schema) if read.output.iter().any(|one| is_place(schema, read, one)) => {
                Ok(Some(schema))
            }
            _ => Err(QueryError::NotAcceptable("application/geo+json".into()).into()),
        },
        (ask::Shape::GeoJson, None) if matches!(act, Act::Call(call) if call.answer) => Err(
            Error::Unsupported("application/geo+json of a value without columns"),
        ),
        (ask::Shape::Text | ask::Shape::Bytes, Some(read)) if read.output.len() != 1 => {
            Err(NameError::OneColumn.into())
        }
        (ask::Shape::Csv, None) if matches!(act, Act::Call(call) if call.answer && call.read.is_none()) => {
            Err(Error::Unsupported("text/csv of a value without columns"))
        }
        _ => Ok(None),
    }
}

/// Whether PostGIS of that schema takes a value for the place of a feature. It looks at the type itself, and does not
/// take a domain over it.
fn is_place(post_gis: &Name, read: &Read<'_>, member: &Member<'_>) -> bool {
    match &member.value {
        Value::Field(field) => field.data_type().is_some_and(|data_type| {
            data_type.schema == *post_gis
                && matches!(data_type.name.as_str(), "geometry" | "geography")
        }),
        // Of many rows each member becomes an array.
        Value::Spread { embed, member } => read.embeds.get(*embed).is_some_and(|embed| {
            let member = embed.read.output.get(*member);
            embed.to_one && member.is_some_and(|one| is_place(post_gis, &embed.read, one))
        }),
        Value::Aggregate { .. } | Value::Text(_) | Value::Json(_) | Value::Embed(_) => false,
    }
}

/// The rows an act answers with, if any.
fn answered<'p, 'a>(act: &'p Act<'a>) -> Option<&'p Read<'a>> {
    match act {
        Act::Read(read) => Some(read),
        Act::Insert(write) => rows_of(&write.answer),
        Act::Update(write) => rows_of(&write.answer),
        Act::Delete(write) => rows_of(&write.answer),
        Act::Call(call) => call.read.as_ref().filter(|_| call.answer),
        Act::Object(_) => None,
    }
}

fn rows_of<'p, 'a>(answer: &'p Answer<'a>) -> Option<&'p Read<'a>> {
    match answer {
        Answer::Rows(read) => Some(read),
        Answer::Affected | Answer::Key(_) | Answer::Nothing => None,
    }
}
