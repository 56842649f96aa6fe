//! GraphQL front end: a document with its variables → statements, and how their rows make the answer.
//!
//! ```text
//! text ──document──▶ Document ──limits, validate──▶ ──coerce, select──▶ ask::Object or Ask ──plan, sql──▶ Statement
//! ```
//!
//! All fields of a query are one statement; each field of a mutation is one, in their order. There are no resolvers:
//! what PostgreSQL answers is copied into the response. Every refusal comes before a connection is taken.

mod arguments;
mod call;
mod coerce;
mod connection;
mod document;
mod error;
mod filter;
mod introspection;
mod limits;
mod meta;
mod mutation;
mod names;
mod prepared;
mod schema;
mod select;
mod types;
mod validate;

use std::borrow::Cow;
use std::rc::Rc;

pub use error::{Code, Error, Location, Refusal};
pub use limits::Limits;
pub use prepared::Prepared;
pub use schema::Schema;

use crate::ask::{self, Object, ObjectMember, Part, Read};
use crate::catalog::Catalog;
use crate::json::write_string;
use crate::plan;
use crate::sql::{self, Statement};
use error::Problem;
use schema::{Act, What};
use select::{Merged, Operation, Sets};
use types::Named;

/// The query that tools send to learn the whole schema.
pub const INTROSPECTION: &str = include_str!("graphql/introspection.graphql");

/// What does not change from request to request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The schemas whose tables are shown. The first one's go by their own names, those of others have their schema's
    /// before it.
    pub schemas: Vec<String>,
    /// Whether `__schema` and `__type` are answered, and names nobody asked for are suggested.
    pub introspection: bool,
    /// What one operation may ask for.
    pub limits: Limits,
    /// How many rows one list may hold.
    pub rows: plan::Limits,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            schemas: vec![crate::catalog::DEFAULT_SCHEMA.to_owned()],
            introspection: true,
            limits: Limits::default(),
            rows: plan::Limits::default(),
        }
    }
}

/// A request as HTTP carries it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The document.
    pub query: &'a str,
    /// Which of its operations; `None`: the only one.
    pub operation: Option<&'a str>,
    /// A JSON object, or nothing.
    pub variables: Option<&'a str>,
    /// Whether the request may change anything: a GET may not.
    pub may_write: bool,
}

impl<'a> Request<'a> {
    /// A document alone.
    pub fn new(query: &'a str) -> Self {
        Request {
            query,
            operation: None,
            variables: None,
            may_write: true,
        }
    }
}

/// What to run, and how the answer is put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// To run one after the other in one transaction; none for an answer that needs no rows.
    pub statements: Vec<Statement>,
    /// The response from its first byte to its last.
    pub response: Vec<Piece>,
    /// What of the database its fields are.
    pub uses: Uses,
    /// The response keys of the statements, in their order: of one that is several fields, none.
    keys: Vec<Option<Box<str>>>,
}

impl Compiled {
    /// The response key that a refusal of that statement is of, if it is of one.
    #[must_use]
    pub fn key(&self, statement: usize) -> Option<&str> {
        self.keys.get(statement)?.as_deref()
    }
}

/// What of the database the fields of an operation are; columns and relations that functions of a row add are of tables.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Uses {
    /// Tables and views.
    pub tables: bool,
    /// Functions called by name.
    pub functions: bool,
}

impl Uses {
    fn note(&mut self, act: Act) {
        match act {
            Act::Call(_) => self.functions = true,
            _ => self.tables = true,
        }
    }
}

/// A piece of the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as they are.
    Text(Cow<'static, str>),
    /// Column 0 of that statement's row; `null` where it is NULL.
    Body(usize),
    /// The number of rows that statement wrote.
    Rows(usize),
}

/// Compiles a request whose document is not kept.
///
/// # Errors
/// Whatever does not follow the grammar, the schema, the limits; all of it that can be found.
pub fn compile(
    request: &Request<'_>,
    catalog: &Catalog,
    schema: &Schema,
    options: &Options,
) -> Result<Compiled, Refusal> {
    let prepared = Prepared::read(request.query, options)?;
    let compiled = prepared.compile(request, catalog, schema, options)?;
    Ok(Rc::unwrap_or_clone(compiled))
}

fn query<'c, 'd>(
    operation: &Operation<'c, 'd>,
    asked: &'c document::Operation<'d>,
) -> Result<Compiled, Problem> {
    let world = operation.world;
    let merged = operation.collect(Sets::one(&asked.selections), Named::Query)?;
    let mut members = Vec::with_capacity(merged.len());
    let mut uses = Uses::default();
    for one in &merged {
        let Some(found) = world.field(Named::Query, one.field.name.text) else {
            continue;
        };
        let value = match found.what {
            What::Typename => Part::Text(Cow::Borrowed("Query")),
            What::Health => Part::Text(Cow::Borrowed("ok")),
            What::Root(root) => {
                uses.note(root.act);
                root_read(operation, one, &found, root)
                    .map_err(|problem| problem.at_key(one.key))?
            }
            What::Introspection => {
                Part::Json(Cow::Owned(introspection::answer(operation, one, &found)?))
            }
            What::Member(_) | What::Part | What::Meta => continue,
        };
        members.push(ObjectMember {
            name: operation.key(one.key, &found),
            value,
        });
    }
    let constant =
        |member: &ObjectMember<'_>| matches!(member.value, Part::Text(_) | Part::Json(_));
    if members.iter().all(constant) {
        let mut text = String::from("{\"data\":{");
        for (place, member) in members.iter().enumerate() {
            text.push_str(if place > 0 { "," } else { "" });
            write_string(&mut text, member.name.as_str());
            text.push(':');
            match &member.value {
                Part::Text(value) => write_string(&mut text, value),
                Part::Json(value) => text.push_str(value),
                Part::Read { .. } | Part::Call { .. } | Part::Connection { .. } => {}
            }
        }
        text.push_str("}}");
        return Ok(Compiled {
            statements: Vec::new(),
            response: vec![Piece::Text(Cow::Owned(text))],
            uses,
            keys: Vec::new(),
        });
    }
    let rows = |member: &&ObjectMember<'_>| !constant(member);
    let mut with_rows = merged
        .iter()
        .zip(&members)
        .filter(|(_, member)| rows(member));
    let only = match (with_rows.next(), with_rows.next()) {
        (Some((one, _)), None) => Some(one.key.into()),
        _ => None,
    };
    let object = Object {
        members,
        wishes: ask::Wishes::default(),
    };
    let plan =
        plan::object(&object, world.catalog, &world.options.rows).map_err(|(place, error)| {
            let key = merged.get(place).map_or("", |one| one.key);
            Problem::invalid(error.message(), asked.at).at_key(key)
        })?;
    Ok(Compiled {
        statements: vec![sql::print(&plan)],
        response: vec![
            Piece::Text(Cow::Borrowed("{\"data\":")),
            Piece::Body(0),
            Piece::Text(Cow::Borrowed("}")),
        ],
        uses,
        keys: vec![only],
    })
}

fn root_read<'c, 'd>(
    operation: &Operation<'c, 'd>,
    merged: &Merged<'c, 'd>,
    found: &schema::Field<'c>,
    root: &'c schema::Root,
) -> Result<Part<'c>, Problem> {
    let field = merged.field;
    let given = arguments::read(operation, found, field)?;
    if let Some(called) = operation.world.called(root) {
        let (function, call) = call::ask(operation, called, merged, &given)?;
        return Ok(Part::Call { function, call });
    }
    let Some(entity) = operation.world.entity(root.entity) else {
        return Ok(Part::Json(Cow::Borrowed("null")));
    };
    if root.act == Act::Connection {
        return Ok(Part::Connection {
            table: operation.table(entity),
            facets: connection::facets(operation, root.entity, merged, &given)?,
        });
    }
    let mut read = Read::of(operation.select(root.entity, merged.sets())?);
    match root.act {
        Act::ByKey => read.rows = mutation::key(operation, root.entity, &given),
        _ => arguments::page(operation, root.entity, &given, &mut read, field.at)?,
    }
    Ok(Part::Read {
        table: operation.table(entity),
        read,
    })
}

fn mutation<'c, 'd>(
    operation: &Operation<'c, 'd>,
    asked: &'c document::Operation<'d>,
) -> Result<Compiled, Problem> {
    let world = operation.world;
    let merged = operation.collect(Sets::one(&asked.selections), Named::Mutation)?;
    let (mut statements, mut response, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let mut uses = Uses::default();
    let mut text = String::from("{\"data\":{");
    for (place, one) in merged.iter().enumerate() {
        let field = one.field;
        let Some(found) = world.field(Named::Mutation, field.name.text) else {
            continue;
        };
        text.push_str(if place > 0 { "," } else { "" });
        write_string(&mut text, one.key);
        text.push(':');
        let What::Root(root) = found.what else {
            text.push_str("\"Mutation\"");
            continue;
        };
        uses.note(root.act);
        let refused = |problem: Problem| problem.at_key(one.key);
        let Some(ask) = mutation::ask(operation, one, &found, root).map_err(refused)? else {
            continue;
        };
        let plan = plan::plan(&ask, world.catalog, &world.options.rows)
            .map_err(|error| refused(Problem::invalid(error.message(), field.at)))?;
        response.push(Piece::Text(Cow::Owned(std::mem::take(&mut text))));
        response.push(match root.act {
            Act::DeleteMany => Piece::Rows(statements.len()),
            _ => Piece::Body(statements.len()),
        });
        statements.push(sql::print(&plan));
        keys.push(Some(one.key.into()));
    }
    text.push_str("}}");
    response.push(Piece::Text(Cow::Owned(text)));
    Ok(Compiled {
        statements,
        response,
        uses,
        keys,
    })
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_string(&mut quoted, text);
    quoted
}
