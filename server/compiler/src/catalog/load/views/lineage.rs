//! Where the columns of a view come from, and which rows below cannot come out twice.

mod joins;

use std::collections::HashMap;
use std::rc::Rc;

use super::tree::Node;

/// A relation behind a view, or a view.
pub(super) struct Source<'a> {
    /// How many columns it has, dropped ones included.
    pub(super) columns: usize,
    /// Positions in its columns.
    pub(super) unique_keys: Vec<Vec<usize>>,
    /// Whether it has a query.
    pub(super) is_view: bool,
    /// That query, unless it cannot be read.
    pub(super) tree: Option<Node<'a>>,
}

/// A view may join a table several times: each is an instance of it.
pub(super) type Instance = usize;

/// What comes out of a view, a subquery or a table.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// The tables below, by `oid`.
    pub(super) instances: Vec<u32>,
    /// For each column: which column of which instance it is, unless it is computed.
    pub(super) columns: Vec<Option<(Instance, usize)>>,
    /// The instances of which no row comes out more than once.
    pub(super) once: Vec<Instance>,
    /// Whether there is one row at most.
    single: bool,
}

/// Views, subqueries and joins inside each other, no deeper: the stack is finite.
const MAX_DEPTH: usize = 200;

/// Queries inside one view, each counted as often as it is referred to.
const MAX_QUERIES: usize = 1000;

/// Tables below one view. Views that join each other twice double them with each step.
const MAX_INSTANCES: usize = 1000;

const SELECT: &str = "1";

/// `RTEKind`.
mod kind {
    pub(super) const RELATION: u8 = 0;
    pub(super) const SUBQUERY: u8 = 1;
    pub(super) const JOIN: u8 = 2;
    pub(super) const CTE: u8 = 6;
    /// PostgreSQL 18.
    pub(super) const GROUP: u8 = 9;
}

/// Follows columns through views, each view once.
pub(super) struct Tracer<'a> {
    sources: &'a HashMap<u32, Source<'a>>,
    known: HashMap<u32, Rc<Lineage>>,
    depth: usize,
    queries: usize,
}

impl<'a> Tracer<'a> {
    pub(super) fn new(sources: &'a HashMap<u32, Source<'a>>) -> Self {
        Tracer {
            sources,
            known: HashMap::new(),
            depth: 0,
            queries: 0,
        }
    }

    /// The lineage of a relation; of one that cannot be followed, nothing.
    pub(super) fn relation(&mut self, oid: u32) -> Rc<Lineage> {
        if let Some(known) = self.known.get(&oid) {
            return Rc::clone(known);
        }
        let Some(source) = self.sources.get(&oid) else {
            return Rc::default();
        };
        let lineage = match &source.tree {
            None if source.is_view => return Rc::default(),
            None => table(oid, source.columns),
            Some(tree) => {
                // Whatever refers to itself finds nothing there.
                self.known.insert(oid, Rc::default());
                let queries = std::mem::take(&mut self.queries);
                let lineage = match tree.items() {
                    [query] => self.query(query, &[]),
                    _ => None,
                };
                self.queries = queries;
                lineage.unwrap_or_default()
            }
        };
        let lineage = Rc::new(lineage);
        self.known.insert(oid, Rc::clone(&lineage));
        lineage
    }

    /// Does something one level further down, unless that is too deep.
    fn deeper<T>(&mut self, what: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let done = what(self);
        self.depth -= 1;
        done
    }

    /// The lineage of a query inside the queries `around` it, the innermost last.
    fn query(&mut self, query: &'a Node<'a>, around: &[&'a Node<'a>]) -> Option<Lineage> {
        self.queries += 1;
        if self.queries > MAX_QUERIES
            || query.word("commandType")? != SELECT
            || query.has("setOperations")
        {
            return None;
        }
        self.deeper(|tracer| tracer.plain_query(query, around))
    }

    fn plain_query(&mut self, query: &'a Node<'a>, around: &[&'a Node<'a>]) -> Option<Lineage> {
        let mut scope = Scope {
            entries: query.list("rtable"),
            lineages: HashMap::new(),
            scopes: around.iter().copied().chain([query]).collect(),
        };
        let from = self.from(&mut scope, query.field("jointree")?);

        // Instances of the whole query: those of its entries in a row.
        let mut lineage = Lineage::default();
        let mut first = HashMap::new();
        for entry in &from.entries {
            first.insert(*entry, lineage.instances.len());
            let of_entry = self.entry(&mut scope, *entry);
            lineage.instances.extend(&of_entry.instances);
            if lineage.instances.len() > MAX_INSTANCES {
                return None;
            }
        }
        let whole = |entry: usize, instance: Instance| Some(first.get(&entry)? + instance);

        let mut merging = HashMap::new();
        for target in query.list("targetList") {
            let column = self.variable(&mut scope, target.field("expr")?);
            let column = column.and_then(|(entry, i, column)| Some((whole(entry, i)?, column)));
            if let Some(reference) = target.number::<usize>("ressortgroupref") {
                merging.insert(reference, column.map(|(instance, _)| instance));
            }
            if !target.has("resjunk") {
                if target.number("resno") != Some(lineage.columns.len() + 1) {
                    return None;
                }
                // PostgreSQL's own word for it: when the view was made, it noted the table of a plain column.
                let noted = target.number::<u32>("resorigtbl")? != 0;
                lineage.columns.push(column.filter(|_| noted));
            }
        }

        let grouped = query.has("groupClause") || query.has("groupingSets");
        let multiplies = query.has("hasTargetSRFs") || query.has("groupingSets");
        if !multiplies {
            let once = from.once.iter();
            lineage.once = once.filter_map(|(entry, i)| whole(*entry, *i)).collect();
            // GROUP BY and DISTINCT merge what is equal to them. If they look at one instance only, then all that one row
            // of it was joined to is merged.
            for clause in ["groupClause", "distinctClause"] {
                if let Some(instance) = one_instance(query.list(clause), &merging)
                    && !lineage.once.contains(&instance)
                {
                    lineage.once.push(instance);
                }
            }
            lineage.single = from.single || (query.has("hasAggs") && !grouped);
        }
        Some(lineage)
    }

    /// Entry, instance in it and column of a plain column of this query.
    fn variable(
        &mut self,
        scope: &mut Scope<'a>,
        node: &'a Node<'a>,
    ) -> Option<(usize, Instance, usize)> {
        let (entry, place) = scope.plain(node)?;
        let lineage = self.entry(scope, entry);
        let (instance, column) = (*lineage.columns.get(place)?)?;
        Some((entry, instance, column))
    }

    /// The lineage of an entry of the range table, counted from 1.
    fn entry(&mut self, scope: &mut Scope<'a>, index: usize) -> Rc<Lineage> {
        if let Some(known) = scope.lineages.get(&index) {
            return Rc::clone(known);
        }
        let lineage = self.new_entry(scope, index).unwrap_or_default();
        scope.lineages.insert(index, Rc::clone(&lineage));
        lineage
    }

    fn new_entry(&mut self, scope: &Scope<'a>, index: usize) -> Option<Rc<Lineage>> {
        let entry = scope.entry(index)?;
        match entry.number::<u8>("rtekind")? {
            kind::RELATION => Some(self.relation(entry.number("relid")?)),
            kind::SUBQUERY => {
                let lineage = self.query(entry.field("subquery")?, &scope.scopes)?;
                Some(Rc::new(lineage))
            }
            // One that refers to itself grows from its own rows.
            kind::CTE if !entry.has("self_reference") => {
                let name = entry.word("ctename")?;
                let above = entry.number::<usize>("ctelevelsup")?;
                let at = scope.scopes.len().checked_sub(1 + above)?;
                let mut expressions = scope.scopes.get(at)?.list("cteList").iter();
                let expression = expressions.find(|cte| cte.word("ctename") == Some(name))?;
                let lineage =
                    self.query(expression.field("ctequery")?, scope.scopes.get(..=at)?)?;
                Some(Rc::new(lineage))
            }
            _ => None,
        }
    }
}

/// Each row comes out once, each column as it is.
fn table(oid: u32, columns: usize) -> Lineage {
    Lineage {
        instances: vec![oid],
        columns: (0..columns).map(|column| Some((0, column))).collect(),
        once: vec![0],
        single: false,
    }
}

/// The instance that all expressions of a GROUP BY or DISTINCT are columns of.
fn one_instance(
    clause: &[Node<'_>],
    merging: &HashMap<usize, Option<Instance>>,
) -> Option<Instance> {
    let instance = |item: &Node<'_>| *merging.get(&item.number("tleSortGroupRef")?)?;
    let mut all = clause.iter().map(instance);
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}

/// One query and what its columns may refer to.
struct Scope<'a> {
    entries: &'a [Node<'a>],
    lineages: HashMap<usize, Rc<Lineage>>,
    /// The queries around it, itself last.
    scopes: Vec<&'a Node<'a>>,
}

impl<'a> Scope<'a> {
    /// Entries count from 1.
    fn entry(&self, index: usize) -> Option<&'a Node<'a>> {
        self.entries.get(index.checked_sub(1)?)
    }

    /// Entry and position of a plain column of this query, seen through the names that joins and GROUP BY give it.
    fn plain(&self, node: &'a Node<'a>) -> Option<(usize, usize)> {
        let mut node = node;
        // A join of joins is the deepest there is; each step leads further down.
        for _ in 0..=self.entries.len() {
            if node.label() != "VAR" || node.number::<usize>("varlevelsup")? != 0 {
                return None;
            }
            let index = node.number::<usize>("varno")?;
            // 0 is the whole row, system columns lie below.
            let place = node.number::<usize>("varattno")?.checked_sub(1)?;
            let entry = self.entry(index)?;
            let behind = match entry.number::<u8>("rtekind")? {
                kind::JOIN => entry.list("joinaliasvars"),
                kind::GROUP => entry.list("groupexprs"),
                _ => return Some((index, place)),
            };
            node = behind.get(place)?;
        }
        None
    }
}
