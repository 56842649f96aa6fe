//! The sessions of one worker thread, and who gets which.
//!
//! A session is driven by the thread that opened it: waking another one costs more than all else the server does for a
//! small request.

use super::cancel::wind_down;
use super::growth::{Growth, PATIENCE};
use super::large::Incoming;
use super::lines::{LINES, Lines, with_cut};
use super::link::Link;
use super::loan::Lease;
use super::names::Names;
use super::open::Opened;
use super::policy::CROWDED;
use super::probe::{BACKOFF, in_time, probe};
use super::queue::Queue;
use crate::db::error::DbError;
use crate::db::pool::Options;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::task::spawn_local;

/// How long a request waits for somebody to find that PostgreSQL is back; longer than the first pause.
const HOPE: Duration = Duration::from_millis(150);

/// The sessions.
pub struct Pool {
    options: Arc<Options>,
    /// The most sessions that are lines.
    lines: usize,
    /// A number of this pool's own, so that not all come back to PostgreSQL in the same moment.
    seed: u64,
    state: RefCell<State>,
    /// Somebody wants PostgreSQL while it is away.
    wanted: Rc<Notify>,
}

struct State {
    links: Vec<Rc<Link>>,
    lines: Lines,
    /// The one used last is the warmest and comes first.
    idle: Vec<Rc<Link>>,
    waiting: VecDeque<oneshot::Sender<Result<Lease, DbError>>>,
    opening: usize,
    growth: Growth,
    /// No session more before this moment: PostgreSQL refused the last.
    closed_until: Instant,
    /// PostgreSQL is away, for this reason, and somebody looks for it.
    away: Option<Box<str>>,
    last: u64,
}

impl State {
    /// Whether as many requests run as may.
    fn is_full(&self) -> bool {
        self.links.len() - self.idle.len().min(self.links.len()) >= self.growth.allowed()
    }
}

impl Pool {
    pub fn new(options: Arc<Options>, most: usize, seed: u64) -> Rc<Self> {
        let now = Instant::now();
        // Where there are few, none is set apart for reads.
        let lines = (most / 4).min(LINES);
        Rc::new(Self {
            options,
            lines,
            seed,
            state: RefCell::new(State {
                links: Vec::new(),
                lines: Lines::default(),
                idle: Vec::new(),
                waiting: VecDeque::new(),
                opening: 0,
                growth: Growth::new(most - lines, now),
                closed_until: now,
                away: None,
                last: 0,
            }),
            wanted: Rc::default(),
        })
    }

    pub fn options(&self) -> &Arc<Options> {
        &self.options
    }

    /// A session for one request alone.
    pub async fn lease(self: &Rc<Self>) -> Result<Lease, DbError> {
        loop {
            let lease = self.next().await?;
            // It may have ended on its way here.
            if !lease.is_gone() {
                return Ok(lease);
            }
        }
    }

    async fn next(self: &Rc<Self>) -> Result<Lease, DbError> {
        if let Some(link) = self.take_idle() {
            self.shrink();
            return Ok(Lease::new(self, link));
        }
        let (sender, mut coming) = oneshot::channel();
        let away = {
            let mut state = self.state.borrow_mut();
            state.waiting.push_back(sender);
            state.away.clone()
        };
        let patience = match away {
            None => self.options.pool_timeout,
            Some(_) => HOPE.min(self.options.pool_timeout),
        };
        self.wanted.notify_one();
        self.open_wanted();
        let mut end = pin!(tokio::time::sleep(patience));
        loop {
            let answered = self.state.borrow().growth.answered();
            tokio::select! {
                biased;
                got = &mut coming => {
                    return got.unwrap_or_else(|_| Err(DbError::Lost("the pool is gone".into())));
                }
                () = &mut end => return Err(away.map_or(DbError::PoolExhausted, DbError::unreachable)),
                () = tokio::time::sleep(PATIENCE) => self.grow(answered),
            }
        }
    }

    fn take_idle(&self) -> Option<Rc<Link>> {
        let state = &mut *self.state.borrow_mut();
        match state.is_full() {
            true => None,
            false => state.idle.pop(),
        }
    }

    /// The line for a read that is expected to take so long, if it is to stand in one.
    pub fn line(self: &Rc<Self>, expected: Duration) -> Option<Rc<Link>> {
        if self.lines == 0 {
            return None;
        }
        let (link, more) = {
            let state = &mut *self.state.borrow_mut();
            let link = state.lines.choose(expected, !state.idle.is_empty());
            let full = link.as_ref().is_none_or(|link| link.depth() > CROWDED);
            let more = full
                && state.lines.count() < self.lines
                && state.away.is_none()
                && Instant::now() >= state.closed_until
                && state.lines.open();
            (link, more)
        };
        if more {
            self.open_line();
        }
        self.shrink();
        link
    }

    fn open_line(self: &Rc<Self>) {
        let pool = Rc::downgrade(self);
        let options = Arc::clone(&self.options);
        spawn_local(async move {
            let opened = in_time(&options, &with_cut(&options)).await;
            let Some(pool) = pool.upgrade() else {
                return;
            };
            match opened {
                Ok(opened) => {
                    // One that must not be used again goes when its line is empty.
                    let link = pool.start(opened, |_, link| {
                        if link.is_retired() && link.depth() == 0 {
                            link.close();
                        }
                    });
                    pool.state.borrow_mut().lines.opened(Some(link));
                }
                Err(error) => {
                    let state = &mut *pool.state.borrow_mut();
                    state.lines.opened(None);
                    state.closed_until = Instant::now() + BACKOFF.1;
                    tracing::debug!(%error, "no line");
                }
            }
        });
    }

    /// How many sessions PostgreSQL is busy with.
    pub fn busy(&self) -> usize {
        let state = self.state.borrow();
        let lines = state
            .lines
            .links()
            .iter()
            .filter(|line| line.depth() > 0)
            .count();
        state.links.len().saturating_sub(state.idle.len()) + lines
    }

    /// Keeps a session for whoever comes, or gives it to whoever waits longest.
    pub fn offer(self: &Rc<Self>, link: Rc<Link>) {
        if link.is_retired() {
            return link.close();
        }
        self.state.borrow_mut().idle.push(link);
        self.hand_out();
    }

    /// Gives sessions that are idle to those who wait, as far as more may run.
    fn hand_out(self: &Rc<Self>) {
        loop {
            let (waiting, link) = {
                let state = &mut *self.state.borrow_mut();
                if state.is_full() || state.idle.is_empty() {
                    return;
                }
                let Some(waiting) = state.waiting.pop_front() else {
                    return;
                };
                if waiting.is_closed() {
                    continue;
                }
                (waiting, state.idle.pop())
            };
            let Some(link) = link else { return };
            // Whoever stopped waiting in between gives it back as it drops it.
            let _ = waiting.send(Ok(Lease::new(self, link)));
        }
    }

    fn landed(self: &Rc<Self>, link: &Rc<Link>) {
        if link.depth() == 0 && !link.is_held() {
            self.state.borrow_mut().growth.answer();
            self.offer(Rc::clone(link));
        }
    }

    /// Somebody has waited for a session, and then there had been so many answers.
    fn grow(self: &Rc<Self>, answered: u64) {
        {
            let state = &mut *self.state.borrow_mut();
            let full = state.opening == 0 && state.is_full();
            if full && Instant::now() >= state.closed_until {
                state.growth.waited(answered, Instant::now());
            }
        }
        self.hand_out();
        self.open_wanted();
    }

    /// Takes back one session for every second in which nobody had to wait for one.
    fn shrink(&self) {
        let state = &mut *self.state.borrow_mut();
        if state.growth.calm(Instant::now())
            && state.links.len() > state.growth.allowed()
            && !state.idle.is_empty()
        {
            state.idle.remove(0).close();
        }
    }

    /// Opens a session if somebody waits and one is allowed.
    fn open_wanted(self: &Rc<Self>) {
        let waiting = {
            let state = self.state.borrow();
            state.waiting.iter().filter(|one| !one.is_closed()).count()
        };
        self.open_for(waiting);
    }

    /// Opens a session where the last one has ended, so that no request pays for its login.
    fn keep_one(self: &Rc<Self>) {
        if self.state.borrow().links.is_empty() {
            self.open_for(1);
        }
    }

    fn open_for(self: &Rc<Self>, waiting: usize) {
        {
            let state = &mut *self.state.borrow_mut();
            let room = state.links.len() + state.opening < state.growth.allowed();
            if waiting <= state.opening || !room || state.away.is_some() {
                return;
            }
            state.opening += 1;
        }
        let pool = Rc::downgrade(self);
        let options = Arc::clone(&self.options);
        // Not in the request's own task: a client that hangs up would leave a login behind half done.
        spawn_local(async move {
            let opened = in_time(&options, &options.config).await;
            let Some(pool) = pool.upgrade() else {
                return;
            };
            pool.state.borrow_mut().opening -= 1;
            match opened {
                Ok(opened) => pool.add(opened),
                Err(error) => pool.refused(&error),
            }
        });
    }

    /// A session more.
    pub fn add(self: &Rc<Self>, opened: Opened) {
        let link = self.start(opened, Self::landed);
        self.state.borrow_mut().links.push(Rc::clone(&link));
        self.offer(link);
    }

    /// Drives a session for as long as it lives.
    fn start(self: &Rc<Self>, opened: Opened, landed: fn(&Rc<Self>, &Rc<Link>)) -> Rc<Link> {
        let mut reader = opened.reader;
        let number = {
            let state = &mut *self.state.borrow_mut();
            state.last += 1;
            state.last
        };
        let names = Names::new(self.options.prepared_statements);
        let queue = Queue::new(names, Instant::now());
        let link = Rc::new(Link::new(
            number,
            opened.key,
            opened.place,
            opened.writer,
            queue,
        ));
        let driven = Rc::clone(&link);
        let directory = Arc::clone(&self.options.spool_directory);
        let incoming = Incoming::new(opened.arrived, directory);
        let pool = Rc::downgrade(self);
        spawn_local(async move {
            let on_landed = || {
                if let Some(pool) = pool.upgrade() {
                    landed(&pool, &driven);
                }
            };
            let reason = driven.drive(&mut reader, incoming, on_landed).await;
            ended(&pool, &driven, &reason);
        });
        link
    }

    /// PostgreSQL was found.
    pub fn is_back(&self) {
        let state = &mut *self.state.borrow_mut();
        state.away = None;
        state.closed_until = Instant::now();
    }

    /// No session came of it. Others may live: then whoever waits gets one of those.
    fn refused(self: &Rc<Self>, error: &DbError) {
        {
            let state = &mut *self.state.borrow_mut();
            state.closed_until = Instant::now() + BACKOFF.1;
            if !state.links.is_empty() {
                state.growth.limit(state.links.len());
                return;
            }
            if state.away.is_some() {
                return;
            }
        }
        self.missed(error);
        tracing::debug!(%error, "PostgreSQL is away");
        let wanted = Rc::clone(&self.wanted);
        let options = Arc::clone(&self.options);
        spawn_local(probe(Rc::downgrade(self), wanted, options, self.seed));
    }

    /// PostgreSQL is not there: everybody who waits is told.
    pub fn missed(&self, error: &DbError) {
        let reason = match error {
            DbError::Unreachable(reason) => reason.clone(),
            other => other.to_string(),
        };
        let waiting = {
            let state = &mut *self.state.borrow_mut();
            state.away = Some(reason.as_str().into());
            std::mem::take(&mut state.waiting)
        };
        for one in waiting {
            let _ = one.send(Err(DbError::unreachable(reason.as_str())));
        }
    }

    /// Stops what nobody waits for, and gives the session to somebody else.
    pub fn abandon(self: &Rc<Self>, link: &Rc<Link>) {
        link.hold();
        let (pool, link) = (Rc::clone(self), Rc::clone(link));
        spawn_local(async move {
            let good = wind_down(&link, &pool.options).await;
            link.release();
            if good {
                pool.offer(link);
            } else {
                link.close();
            }
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        for link in state.links.iter().chain(state.lines.links()) {
            link.close();
        }
    }
}

/// A session is over: what waited in it fails, and another may take its place.
fn ended(pool: &Weak<Pool>, link: &Rc<Link>, reason: &DbError) {
    tracing::debug!(%reason, "a connection ended");
    if let Some(pool) = pool.upgrade() {
        let state = &mut *pool.state.borrow_mut();
        state.links.retain(|one| one.number != link.number);
        state.idle.retain(|one| one.number != link.number);
        state.lines.remove(link.number);
    }
    link.fail(reason);
    if let Some(pool) = pool.upgrade() {
        pool.hand_out();
        pool.open_wanted();
    }
    let pool = Weak::clone(pool);
    spawn_local(async move {
        // Where sessions end as soon as they begin, not as fast as they do.
        tokio::time::sleep(BACKOFF.0).await;
        if let Some(pool) = pool.upgrade() {
            pool.keep_one();
        }
    });
}
