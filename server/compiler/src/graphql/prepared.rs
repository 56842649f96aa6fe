//! A document that was read, kept for the next request that brings it.
//!
//! What is kept depends on the document, the schema and the options alone: the tree, that the rules hold, and the
//! statements of operations without variables. With variables the statements are made anew: `@include`, a filter that is
//! not given or a limit make others of them, and making them costs a fraction of reading and checking.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use self_cell::self_cell;

use super::document::{self, Document, Kind, Operation, Pos};
use super::error::{Code, Problem, Refusal, shown};
use super::schema::World;
use super::{Compiled, Piece, Request, Schema, coerce, limits, select, validate};
use crate::catalog::Catalog;

self_cell!(
    struct Read {
        owner: Box<str>,
        #[covariant]
        dependent: Document,
    }
);

/// A document with what has been found out about it. It belongs to one schema and its options.
pub struct Prepared {
    read: Read,
    /// Whether the rules were asked and hold.
    valid: Cell<bool>,
    /// Of each operation without variables, once it was asked for.
    statements: Vec<OnceCell<Rc<Compiled>>>,
}

/// Shows nothing: the document is the caller's.
impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({} operations)", self.statements.len())
    }
}

impl Prepared {
    /// Bytes of statements and answers that are kept for each of the document, and for as many more. Fragments and
    /// introspection make megabytes of a few words.
    const MAX_KEPT: usize = 8;
    const BESIDE: usize = 256;

    /// Reads a document.
    ///
    /// # Errors
    /// When it is too long or does not follow the grammar.
    pub fn read(text: &str, options: &super::Options) -> Result<Self, Refusal> {
        let limits = &options.limits;
        let read = limits::length(text, limits)
            .and_then(|()| Read::try_new(text.into(), |text| document::read(text, limits)));
        let read = read.map_err(|problem| refusal(vec![problem], text))?;
        let operations = read.borrow_dependent().operations.len();
        Ok(Prepared {
            read,
            valid: Cell::new(false),
            statements: (0..operations).map(|_| OnceCell::new()).collect(),
        })
    }

    /// The document.
    pub fn text(&self) -> &str {
        self.read.borrow_owner()
    }

    /// Compiles a request that brings this document; its own is not looked at.
    ///
    /// # Errors
    /// As [`super::compile`].
    pub fn compile(
        &self,
        request: &Request<'_>,
        catalog: &Catalog,
        schema: &Schema,
        options: &super::Options,
    ) -> Result<Rc<Compiled>, Refusal> {
        let world = World {
            catalog,
            schema,
            options,
        };
        let document = self.read.borrow_dependent();
        let compiled = self.compiled(request, document, world);
        compiled.map_err(|problems| refusal(problems, self.text()))
    }

    fn compiled<'d>(
        &self,
        request: &Request<'_>,
        document: &Document<'d>,
        world: World<'_>,
    ) -> Result<Rc<Compiled>, Vec<Problem>> {
        let one = |problem| vec![problem];
        let place = chosen(document, request.operation).map_err(one)?;
        let (Some(operation), Some(kept)) =
            (document.operations.get(place), self.statements.get(place))
        else {
            return Err(one(no_operation()));
        };
        let given = coerce::given(request.variables).map_err(one)?;
        let known = kept.get();
        if known.is_none() {
            let limits = &world.options.limits;
            limits::check(document, operation, &given, world, limits).map_err(one)?;
            if !self.valid.get() {
                validate::validate(document, world)?;
                self.valid.set(true);
            }
        }
        if operation.kind == Kind::Mutation && !request.may_write {
            let message = "A mutation needs POST";
            return Err(one(Problem::new(Code::NeedsPost, message, operation.at)));
        }
        if let Some(known) = known {
            return Ok(Rc::clone(known));
        }
        let variables = coerce::variables(world, &operation.variables, &given)?;
        let ask = select::Operation {
            world,
            document,
            variables: &variables,
            terms: Cell::new(0),
        };
        let compiled = match operation.kind {
            Kind::Mutation => super::mutation(&ask, operation),
            Kind::Query | Kind::Subscription => super::query(&ask, operation),
        };
        let compiled = Rc::new(compiled.map_err(one)?);
        let room =
            Self::MAX_KEPT * (self.text().len() + Self::BESIDE) / self.statements.len().max(1);
        if operation.variables.is_empty() && weight(&compiled) <= room {
            return Ok(Rc::clone(kept.get_or_init(|| compiled)));
        }
        Ok(compiled)
    }
}

/// Bytes of what is sent as it stands.
fn weight(compiled: &Compiled) -> usize {
    let texts = compiled.response.iter().map(|piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Body(_) | Piece::Rows(_) => 0,
    });
    let statements = compiled.statements.iter().map(|one| one.sql.len());
    texts.chain(statements).sum()
}

fn refusal(problems: Vec<Problem>, text: &str) -> Refusal {
    let errors = problems.into_iter();
    Refusal {
        errors: errors.map(|problem| problem.located(text)).collect(),
    }
}

fn nowhere(message: String) -> Problem {
    Problem::invalid(message, Pos(0)).nowhere()
}

fn no_operation() -> Problem {
    nowhere("The document holds no operation".to_owned())
}

/// The place of the operation that shall run.
fn chosen(document: &Document<'_>, wanted: Option<&str>) -> Result<usize, Problem> {
    match (wanted, document.operations.as_slice()) {
        (_, []) => Err(no_operation()),
        (None, [_]) => Ok(0),
        (None, _) => Err(nowhere(
            "The document holds more than one operation; operationName says which".to_owned(),
        )),
        (Some(wanted), all) => {
            let named = |one: &Operation<'_>| one.name.is_some_and(|name| name.text == wanted);
            let found = all.iter().position(named);
            found.ok_or_else(|| nowhere(format!("Unknown operation named \"{}\".", shown(wanted))))
        }
    }
}
