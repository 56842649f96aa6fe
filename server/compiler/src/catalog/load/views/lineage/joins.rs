//! What a join does to the rows of its sides.
//!
//! A row comes out once if whatever it is joined with has one row at most for it: one altogether, or one for the unique
//! key that the condition pins. All else counts as multiplying.

use super::{Instance, Scope, Tracer};
use crate::catalog::load::views::tree::Node;

/// Part of a FROM clause.
pub(super) struct Side {
    /// The entries of the range table in it.
    pub(super) entries: Vec<usize>,
    /// The instances of entries of which no row comes out more than once.
    pub(super) once: Vec<(usize, Instance)>,
    /// Whether there is one row at most.
    pub(super) single: bool,
}

/// `JoinType`.
#[derive(Clone, Copy, PartialEq)]
enum Join {
    Inner,
    Left,
    Right,
    Other,
}

/// What a condition finds equal, and the collation it compares with.
struct Equality<'a>(Operand<'a>, Operand<'a>, &'a str);

enum Operand<'a> {
    /// A column: entry, and the node.
    Column(usize, &'a Node<'a>),
    /// The same for all rows of this query.
    Fixed,
}

impl<'a> Tracer<'a> {
    /// Follows one item of a FROM clause.
    pub(super) fn from(&mut self, scope: &mut Scope<'a>, item: &'a Node<'a>) -> Side {
        match item.label() {
            "RANGETBLREF" => {
                let entry = item.number("rtindex").unwrap_or_default();
                let lineage = self.entry(scope, entry);
                Side {
                    entries: vec![entry],
                    once: lineage.once.iter().map(|i| (entry, *i)).collect(),
                    single: lineage.single,
                }
            }
            "JOINEXPR" => {
                let left = self.side(scope, item.field("larg"));
                let right = self.side(scope, item.field("rarg"));
                let join = match item.number::<u8>("jointype") {
                    Some(0) => Join::Inner,
                    Some(1) => Join::Left,
                    Some(3) => Join::Right,
                    _ => Join::Other,
                };
                let equalities = equalities(scope, item.field("quals"));
                self.join(scope, left, right, join, &equalities)
            }
            "FROMEXPR" => {
                let equalities = equalities(scope, item.field("quals"));
                let one_row = Side {
                    entries: Vec::new(),
                    once: Vec::new(),
                    single: true,
                };
                item.list("fromlist").iter().fold(one_row, |left, item| {
                    let right = self.from(scope, item);
                    self.join(scope, left, right, Join::Inner, &equalities)
                })
            }
            _ => nothing_known(),
        }
    }

    fn side(&mut self, scope: &mut Scope<'a>, item: Option<&'a Node<'a>>) -> Side {
        self.deeper(|tracer| Some(tracer.from(scope, item?)))
            .unwrap_or_else(nothing_known)
    }

    fn join(
        &mut self,
        scope: &mut Scope<'a>,
        left: Side,
        right: Side,
        join: Join,
        equalities: &[Equality<'a>],
    ) -> Side {
        let one_left = left.single || self.pins(scope, &left, &right, equalities);
        let one_right = right.single || self.pins(scope, &right, &left, equalities);
        let mut once = Vec::new();
        if one_right && matches!(join, Join::Inner | Join::Left) {
            once.extend(left.once);
        }
        if one_left && matches!(join, Join::Inner | Join::Right) {
            once.extend(right.once);
        }
        let single = match join {
            Join::Inner => (left.single && one_right) || (right.single && one_left),
            Join::Left => left.single && one_right,
            Join::Right => right.single && one_left,
            Join::Other => false,
        };
        let mut entries = left.entries;
        entries.extend(right.entries);
        Side {
            entries,
            once,
            single,
        }
    }

    /// Whether the condition lets one row at most of this side through for each row of the other. What is equal to a
    /// column that neither of them has says nothing yet.
    fn pins(
        &mut self,
        scope: &mut Scope<'a>,
        side: &Side,
        other: &Side,
        equalities: &[Equality<'a>],
    ) -> bool {
        let mut pinned = Vec::new();
        for Equality(one, another, collation) in equalities {
            for (this, that) in [(one, another), (another, one)] {
                let Operand::Column(entry, node) = this else {
                    continue;
                };
                let known = match that {
                    Operand::Column(entry, _) => other.entries.contains(entry),
                    Operand::Fixed => true,
                };
                // Two texts may be one text to another collation.
                let comparable = node.word("varcollid") == Some(*collation);
                if side.entries.contains(entry) && known && comparable {
                    pinned.extend(self.variable(scope, node));
                }
            }
        }
        side.once.iter().any(|(entry, instance)| {
            let lineage = self.entry(scope, *entry);
            let source = lineage.instances.get(*instance);
            let Some(source) = source.and_then(|oid| self.sources.get(oid)) else {
                return false;
            };
            source.unique_keys.iter().any(|key| {
                !key.is_empty()
                    && key
                        .iter()
                        .all(|column| pinned.contains(&(*entry, *instance, *column)))
            })
        })
    }
}

fn nothing_known() -> Side {
    Side {
        entries: Vec::new(),
        once: Vec::new(),
        single: false,
    }
}

/// The equalities that must all hold.
fn equalities<'a>(scope: &Scope<'a>, condition: Option<&'a Node<'a>>) -> Vec<Equality<'a>> {
    let mut found = Vec::new();
    let mut conditions = Vec::from_iter(condition);
    while let Some(condition) = conditions.pop() {
        match condition.label() {
            "BOOLEXPR" if condition.word("boolop") == Some("and") => {
                conditions.extend(condition.list("args"));
            }
            "OPEXPR" if condition.word("opno").is_some_and(is_equality) => {
                let collation = condition.word("inputcollid").unwrap_or_default();
                if let [one, other] = condition.list("args")
                    && let (Some(one), Some(other)) = (operand(scope, one), operand(scope, other))
                {
                    found.push(Equality(one, other, collation));
                }
            }
            _ => {}
        }
    }
    found
}

fn operand<'a>(scope: &Scope<'a>, node: &'a Node<'a>) -> Option<Operand<'a>> {
    match node.label() {
        "CONST" => Some(Operand::Fixed),
        "VAR" if node.number::<usize>("varlevelsup")? > 0 => Some(Operand::Fixed),
        "VAR" => {
            let (entry, _) = scope.plain(node)?;
            Some(Operand::Column(entry, node))
        }
        // varchar has no equality of its own, it uses that of text. Other types may mean something else by theirs.
        "RELABELTYPE" if node.word("resulttype") == Some("25") => {
            let inner = node.field("arg")?;
            let is_varchar = inner.word("vartype") == Some("1043");
            operand(scope, inner).filter(|operand| is_varchar || matches!(operand, Operand::Fixed))
        }
        _ => None,
    }
}

/// Operators that find equal what a unique index over that type finds equal. Their numbers are part of PostgreSQL.
fn is_equality(operator: &str) -> bool {
    matches!(
        operator,
        // int2, int4, int8, and each with each
        "94" | "96" | "410" | "532" | "533" | "15" | "416" | "1862" | "1868"
        // bool, name, text, oid, bpchar, date, inet
        | "91" | "93" | "98" | "607" | "1054" | "1093" | "1201"
        // timestamptz, numeric, bytea, timestamp, uuid, enums
        | "1320" | "1752" | "1955" | "2060" | "2972" | "3516"
    )
}
