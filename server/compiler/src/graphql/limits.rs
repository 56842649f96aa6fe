//! What an operation may cost, and whether it does: before anything is looked up, planned or run.
//!
//! Depth and complexity are counted on the document with its fragments expanded, once for each place they are spread
//! at. A fragment's own height and cost are worked out once, so the counting takes as long as the document, however
//! often its fragments multiply.

use std::collections::BTreeMap;

use super::coerce::Raw;
use super::document::{Document, Field, Kind, Operation, Pos, Selection, What};
use super::error::{Code, Problem};
use super::schema::{What as Found, World};
use super::types::Named;

/// What one operation may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a document.
    pub max_bytes: usize,
    /// Names, numbers, strings and punctuation of a document.
    pub max_tokens: usize,
    /// Fields that go by another name, with fragments expanded.
    pub max_aliases: u64,
    /// Fields of the operation itself, with fragments expanded.
    pub max_root_fields: u64,
    /// Directives, with fragments expanded.
    pub max_directives: u64,
    /// Fields inside each other, from 1.
    pub max_depth: u64,
    /// The sum of what all fields cost.
    pub max_complexity: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 100_000,
            max_tokens: 5_000,
            max_aliases: 100,
            max_root_fields: 20,
            max_directives: 100,
            max_depth: 10,
            max_complexity: 1_000,
        }
    }
}

/// Rows a list is thought to have when the request does not say how many it wants.
const ROWS: u64 = 10;
/// What a list costs by itself.
const LIST: u64 = 10;
/// What a mutation costs beside what it gives back.
const MUTATION: u64 = 10;
/// Fields of introspection cost nothing, as the query every tool sends is deeper than any other. What may not be there
/// is one list of the schema in another of its kind and that in a third: it would multiply the schema by itself.
const INTROSPECTION_LISTS: u64 = 2;
/// Those lists.
const MULTIPLYING: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
/// Sets of fields inside each other, fragments expanded: whoever walks them calls itself for each.
const MAX_LEVELS: u64 = 500;
/// Fields and spreads of all operations when fragments are expanded, whatever they may cost: each is looked at.
const MAX_SELECTIONS: u64 = 10_000;

/// Refuses a document by its length alone.
pub(super) fn length(text: &str, limits: &Limits) -> Result<(), Problem> {
    if text.len() <= limits.max_bytes {
        return Ok(());
    }
    let message = format!("the document is longer than {} bytes", limits.max_bytes);
    Err(Problem::new(Code::ParseFailed, message, Pos(0)).nowhere())
}

/// What a set of fields amounts to, fragments expanded. Sums end at the largest number there is.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    selections: u64,
    roots: u64,
    aliases: u64,
    directives: u64,
    /// Of the tables' fields.
    height: u64,
    /// Lists of the schema inside each other.
    lists: u64,
    /// Sets of fields inside each other, with those of fragments.
    levels: u64,
    cost: u64,
}

impl Size {
    fn add(&mut self, other: Size) {
        self.selections = self.selections.saturating_add(other.selections);
        self.roots = self.roots.saturating_add(other.roots);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.height = self.height.max(other.height);
        self.lists = self.lists.max(other.lists);
        self.levels = self.levels.max(other.levels);
        self.cost = self.cost.saturating_add(other.cost);
    }
}

/// Counts an operation.
pub(super) fn check(
    document: &Document<'_>,
    operation: &Operation<'_>,
    variables: &Raw<'_>,
    schema: World<'_>,
    limits: &Limits,
) -> Result<(), Problem> {
    let mut counter = Counter {
        document,
        operation,
        variables,
        schema,
        max_rows: schema.options.rows.max_page_size,
        known: BTreeMap::new(),
        open: Vec::new(),
        level: 0,
    };
    // The rules look at every definition, so each is bounded; what they may cost is asked of the one that will run.
    let (mut size, mut all) = (Size::default(), Size::default());
    for fragment in &document.fragments {
        let own = counter.fragment(fragment.name.text, fragment.name.at)?;
        all.levels = all.levels.max(own.levels);
    }
    for one in &document.operations {
        let root = match one.kind {
            Kind::Mutation => Named::Mutation,
            Kind::Query | Kind::Subscription => Named::Query,
        };
        let own = counter.set(&one.selections, Some(root))?;
        if std::ptr::eq(one, operation) {
            size = own;
        }
        all.add(own);
    }
    let extra = match operation.kind {
        Kind::Mutation => MUTATION,
        Kind::Query | Kind::Subscription => 0,
    };
    size.cost = size.cost.saturating_add(extra.saturating_mul(size.roots));
    size.directives = size
        .directives
        .saturating_add(operation.directives.len() as u64);
    if all.levels > MAX_LEVELS {
        return Err(too_deep(operation.at));
    }
    let over = |what: &str, has: u64, most: u64| {
        let message = format!("query {what} {has} exceeds maximum of {most}");
        Problem::new(Code::ComplexityLimit, message, operation.at).nowhere()
    };
    for (what, has, most) in [
        ("directive count", size.directives, limits.max_directives),
        ("alias count", size.aliases, limits.max_aliases),
        ("root field count", size.roots, limits.max_root_fields),
    ] {
        if has > most {
            return Err(over(what, has, most));
        }
    }
    if size.height > limits.max_depth {
        let message = format!(
            "query depth {} exceeds maximum allowed depth of {}",
            size.height, limits.max_depth
        );
        return Err(Problem::new(Code::DepthLimit, message, operation.at).nowhere());
    }
    if size.lists > INTROSPECTION_LISTS {
        let message = "introspection asks for lists of the schema inside each other";
        return Err(Problem::new(Code::DepthLimit, message, operation.at).nowhere());
    }
    for (what, has, most) in [
        ("selection count", all.selections, MAX_SELECTIONS),
        ("complexity", size.cost, limits.max_complexity),
    ] {
        if has > most {
            return Err(over(what, has, most));
        }
    }
    Ok(())
}

fn too_deep(at: Pos) -> Problem {
    let message = format!("the document is nested more than {MAX_LEVELS} levels deep");
    Problem::new(Code::DepthLimit, message, at).nowhere()
}

struct Counter<'c, 'd> {
    document: &'c Document<'d>,
    operation: &'c Operation<'d>,
    variables: &'c Raw<'c>,
    schema: World<'c>,
    max_rows: u64,
    /// What each fragment amounts to.
    known: BTreeMap<&'d str, Size>,
    /// The fragments around the one that is counted.
    open: Vec<&'d str>,
    /// The sets of fields around it.
    level: u64,
}

impl<'c, 'd> Counter<'c, 'd> {
    /// `on`: the type the fields are of; `None` when the document speaks of one that is not there, which is found later.
    fn set(&mut self, set: &'c [Selection<'d>], on: Option<Named>) -> Result<Size, Problem> {
        let mut size = Size::default();
        self.level += 1;
        if self.level > MAX_LEVELS {
            return Err(too_deep(self.operation.at));
        }
        for selection in set {
            match selection {
                Selection::Field(field) => size.add(self.field(field, on)?),
                Selection::Inline(inline) => {
                    let on = match inline.on {
                        Some(name) => self.schema.named(name.text),
                        None => on,
                    };
                    size.add(self.set(&inline.selections, on)?);
                    size.selections = size.selections.saturating_add(1);
                    size.directives = size
                        .directives
                        .saturating_add(inline.directives.len() as u64);
                }
                Selection::Spread(spread) => {
                    size.add(self.fragment(spread.name.text, spread.at)?);
                    size.selections = size.selections.saturating_add(1);
                    size.directives = size
                        .directives
                        .saturating_add(spread.directives.len() as u64);
                }
            }
        }
        self.level -= 1;
        size.levels += 1;
        Ok(size)
    }

    fn fragment(&mut self, name: &'d str, at: Pos) -> Result<Size, Problem> {
        if let Some(known) = self.known.get(name) {
            return Ok(*known);
        }
        let Some(fragment) = self.document.fragment(name) else {
            return Ok(Size::default());
        };
        if self.open.contains(&name) {
            let way: Vec<&str> = self
                .open
                .iter()
                .copied()
                .skip_while(|open| *open != name)
                .collect();
            let (_, between) = way.split_first().unwrap_or((&name, &[]));
            let via = if between.is_empty() {
                String::new()
            } else {
                let quoted: Vec<String> = between
                    .iter()
                    .map(|name| format!("\"{}\"", super::error::shown(name)))
                    .collect();
                format!(" via {}", quoted.join(", "))
            };
            let message = format!(
                "Cannot spread fragment \"{}\" within itself{via}.",
                super::error::shown(name)
            );
            return Err(Problem::invalid(message, at));
        }
        self.open.push(name);
        let mut size = self.set(&fragment.selections, self.schema.named(fragment.on.text))?;
        self.open.pop();
        size.directives = size
            .directives
            .saturating_add(fragment.directives.len() as u64);
        self.known.insert(name, size);
        Ok(size)
    }

    fn field(&mut self, field: &'c Field<'d>, on: Option<Named>) -> Result<Size, Problem> {
        let found = on.and_then(|on| self.schema.field(on, field.name.text));
        let inner = self.set(
            &field.selections,
            found.as_ref().map(|found| found.ty.named),
        )?;
        let meta = found.as_ref().is_some_and(|found| found.is_meta());
        // A connection is the list, and its edges are the rows of it.
        let lists = found.as_ref().is_some_and(|found| {
            let edges = matches!(found.what, Found::Part);
            matches!(found.ty.named, Named::Connection(_)) || found.ty.lists > 0 && !edges
        });
        let (own, rows) = if lists {
            (LIST, self.rows(field))
        } else {
            (1, 1)
        };
        let multiplies = meta && MULTIPLYING.contains(&field.name.text);
        Ok(Size {
            selections: inner.selections.saturating_add(1),
            roots: 1,
            aliases: inner
                .aliases
                .saturating_add(u64::from(field.alias.is_some())),
            directives: inner
                .directives
                .saturating_add(field.directives.len() as u64),
            height: if meta { 0 } else { inner.height + 1 },
            lists: inner.lists + u64::from(multiplies),
            levels: inner.levels,
            cost: if meta {
                0
            } else {
                own.saturating_add(rows.saturating_mul(inner.cost))
            },
        })
    }

    /// How many rows a list is asked for, as written or as the variable says.
    fn rows(&self, field: &Field<'d>) -> u64 {
        let mut given = ["limit", "first", "last"].into_iter();
        let asked =
            given
                .find_map(|name| field.argument(name))
                .and_then(|argument| match &argument.value.what {
                    What::Int(number) => number.parse().ok(),
                    What::Variable(name) => self.variable(name),
                    _ => None,
                });
        asked.unwrap_or(ROWS).clamp(1, self.max_rows.max(1))
    }

    fn variable(&self, name: &str) -> Option<u64> {
        if let Some(given) = self.variables.get(name) {
            return given.parse().ok();
        }
        let mut defined = self.operation.variables.iter();
        let default = defined
            .find(|variable| variable.name.text == name)?
            .default
            .as_ref()?;
        match default.what {
            What::Int(number) => number.parse().ok(),
            _ => None,
        }
    }
}
