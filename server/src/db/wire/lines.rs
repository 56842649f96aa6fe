//! Sessions in which short reads run back to back.

use super::link::Link;
use super::policy::{Choice, Kind, Line, STUCK, choose};
use super::pool::Pool;
use super::queue::{Coming, Given};
use crate::db::error::DbError;
use crate::db::prepared::{Owner, Prepared};
use crate::db::run::Answer;
use crate::db::transaction::Work;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Kinds of requests that are remembered by a worker.
const KINDS: usize = 2048;

/// The most lines of a worker. One keeps a backend of its own busy; the second takes over when the first does not move.
pub const LINES: usize = 2;

/// What is known of kinds.
pub struct Kinds(RefCell<Prepared<Rc<Cell<Kind>>>>);

impl Kinds {
    pub fn new() -> Self {
        Self(RefCell::new(Prepared::new(KINDS)))
    }

    /// What is known of requests like this.
    pub fn of(&self, work: &Work<'_>) -> Rc<Cell<Kind>> {
        let owner = Owner::Caller(work.caller.role());
        let kinds = &mut *self.0.borrow_mut();
        let sql = &work.statement.sql;
        kinds.get(owner, sql).unwrap_or_else(|| {
            let kind = Rc::new(Cell::new(Kind::default()));
            kinds.put(owner, sql, Rc::clone(&kind));
            kind
        })
    }
}

/// Learns from a run.
pub fn learn(kind: &Cell<Kind>, lesson: impl FnOnce(&mut Kind, Instant)) {
    let mut known = kind.get();
    lesson(&mut known, Instant::now());
    kind.set(known);
}

/// The sessions of a worker that are lines.
#[derive(Default)]
pub struct Lines {
    links: Vec<Rc<Link>>,
    opening: bool,
}

impl Lines {
    /// How many there are, one that is being opened included.
    pub fn count(&self) -> usize {
        self.links.len() + usize::from(self.opening)
    }

    /// Marks that one is being opened, if none is.
    pub fn open(&mut self) -> bool {
        !std::mem::replace(&mut self.opening, true)
    }

    /// The one being opened came, or did not.
    pub fn opened(&mut self, link: Option<Rc<Link>>) {
        self.opening = false;
        self.links.extend(link);
    }

    /// It is over.
    pub fn remove(&mut self, number: u64) {
        self.links.retain(|link| link.number != number);
    }

    /// Those that are.
    pub fn links(&self) -> &[Rc<Link>] {
        &self.links
    }

    /// Where a request goes that is expected to take so long.
    pub fn choose(&self, expected: Duration, idle: bool) -> Option<Rc<Link>> {
        let now = Instant::now();
        let empty = Line {
            depth: 0,
            expected: Duration::ZERO,
            still: Duration::ZERO,
        };
        let mut lines = [empty; LINES];
        for (line, link) in lines.iter_mut().zip(&self.links) {
            *line = link.line(now);
        }
        let lines = lines.get(..self.links.len().min(LINES)).unwrap_or_default();
        match choose(Some(expected), lines, idle) {
            Choice::Line(number) => self
                .links
                .get(number)
                .filter(|link| !link.is_retired())
                .cloned(),
            Choice::Alone => None,
        }
    }
}

/// Runs a read in a line; `None` when it has to run on its own, as it would have to if there were no lines.
pub async fn in_line(
    pool: &Rc<Pool>,
    work: &Work<'_>,
    kind: &Cell<Kind>,
) -> Option<Result<Answer, DbError>> {
    let expected = kind.get().expected(Instant::now())?;
    let link = pool.line(expected)?;
    let (number, mut coming) = link.join(work, expected).ok()?;
    let (outcome, took) = wait(&link, number, &mut coming, kind).await?;
    match outcome {
        Err(DbError::Sql { state, .. }) if state.as_str() == "57014" => {
            learn(kind, Kind::slow);
            None
        }
        // A read may be repeated.
        Err(error) if error.breaks_connection() || error.is_stale_statement() => None,
        outcome => {
            learn(kind, |kind, now| kind.ran(took, now));
            Some(outcome)
        }
    }
}

/// Waits for as long as the line moves. What is left behind in it is answered, or cut off, and nobody looks at it: it is
/// not cancelled, since a cancel hits whatever PostgreSQL is busy with.
async fn wait(link: &Link, number: u64, coming: &mut Coming, kind: &Cell<Kind>) -> Option<Given> {
    loop {
        match tokio::time::timeout(STUCK, &mut *coming).await {
            Ok(given) => return given.ok(),
            Err(_) if link.line(Instant::now()).still < STUCK => {}
            Err(_) => {
                if link.is_first(number) {
                    learn(kind, Kind::late);
                }
                return None;
            }
        }
    }
}

/// How a line's session is opened: as all are, but PostgreSQL cuts off what takes long.
pub fn with_cut(options: &crate::db::pool::Options) -> tokio_postgres::Config {
    let mut config = options.config.clone();
    let cut = super::policy::CUT
        .min(options.statement_timeout)
        .as_millis();
    let given = config.get_options().unwrap_or_default();
    let options = format!("{given} -c statement_timeout={cut}");
    config.options(options);
    config
}
