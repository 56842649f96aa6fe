//! The sessions of one worker thread, and who gets which.
//!
//! A session is driven by the thread that opened it: waking another one costs more than all else the server does for a
//! small request.

use super::batch::Block;
use super::cancel::wind_down;
use super::link::{Coming, Link};
use super::names::Names;
use super::open::{Opened, open};
use crate::db::error::DbError;
use crate::db::pool::Options;
use crate::db::run::Answer;
use crate::db::transaction::Work;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};
use tokio::task::spawn_local;

/// How long a request waits for a session in use before another is opened. Requests that take a fraction of a
/// millisecond are cheaper one after another on a backend that is warm than side by side on many that are not, and a
/// burst on a cold server must not open fifty at once; a slow query must not hold up anybody for longer.
const PATIENCE: Duration = Duration::from_millis(10);

/// Without anybody waiting for this long, one session is taken back.
const CALM: Duration = Duration::from_secs(1);

/// First and longest pause before PostgreSQL is tried again when nobody asks for it.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// How long a request waits for somebody to find that PostgreSQL is back; longer than the first pause.
const HOPE: Duration = Duration::from_millis(150);

/// The sessions.
pub struct Pool {
    options: Arc<Options>,
    most: usize,
    /// A number of this pool's own, so that not all come back to PostgreSQL in the same moment.
    seed: u64,
    state: RefCell<State>,
    /// Somebody wants PostgreSQL while it is away.
    wanted: Rc<Notify>,
}

struct State {
    links: Vec<Rc<Link>>,
    /// The one used last is the warmest and comes first.
    idle: Vec<Rc<Link>>,
    waiting: VecDeque<oneshot::Sender<Result<Lease, DbError>>>,
    opening: usize,
    allowed: usize,
    calm_since: Instant,
    /// No session more before this moment: PostgreSQL refused the last.
    closed_until: Instant,
    /// PostgreSQL is away, for this reason, and somebody looks for it.
    away: Option<Box<str>>,
    last: u64,
}

impl Pool {
    pub fn new(options: Arc<Options>, most: usize, seed: u64) -> Rc<Self> {
        let now = Instant::now();
        Rc::new(Self {
            options,
            most,
            seed,
            state: RefCell::new(State {
                links: Vec::new(),
                idle: Vec::new(),
                waiting: VecDeque::new(),
                opening: 0,
                allowed: 1,
                calm_since: now,
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
            tokio::select! {
                biased;
                got = &mut coming => {
                    return got.unwrap_or_else(|_| Err(DbError::Lost("the pool is gone".into())));
                }
                () = &mut end => return Err(away.map_or(DbError::PoolExhausted, DbError::unreachable)),
                () = tokio::time::sleep(PATIENCE) => self.grow(),
            }
        }
    }

    fn take_idle(&self) -> Option<Rc<Link>> {
        self.state.borrow_mut().idle.pop()
    }

    /// Gives a session to whoever waits longest, or keeps it.
    fn offer(self: &Rc<Self>, link: Rc<Link>) {
        if link.is_retired() {
            return link.close();
        }
        let mut lease = Lease::new(self, link);
        loop {
            let Some(waiting) = self.state.borrow_mut().waiting.pop_front() else {
                break;
            };
            match waiting.send(Ok(lease)) {
                Ok(()) => return,
                Err(Ok(back)) => lease = back,
                Err(Err(_)) => return,
            }
        }
        if let Some(link) = lease.link.take() {
            self.state.borrow_mut().idle.push(link);
        }
    }

    fn landed(self: &Rc<Self>, link: &Rc<Link>) {
        if link.depth() == 0 && !link.is_held() {
            self.offer(Rc::clone(link));
        }
    }

    /// Allows one session more when all there are in use and none is being opened.
    fn grow(self: &Rc<Self>) {
        {
            let state = &mut *self.state.borrow_mut();
            let full = state.opening == 0 && state.links.len() >= state.allowed;
            if !full || state.allowed >= self.most || Instant::now() < state.closed_until {
                return;
            }
            state.allowed += 1;
            state.calm_since = Instant::now();
        }
        self.open_wanted();
    }

    /// Takes back one session for every second in which nobody had to wait for one.
    fn shrink(&self) {
        let state = &mut *self.state.borrow_mut();
        if state.calm_since.elapsed() < CALM {
            return;
        }
        state.calm_since = Instant::now();
        if state.allowed > 1 && !state.idle.is_empty() {
            state.allowed -= 1;
            if state.links.len() > state.allowed {
                state.idle.remove(0).close();
            }
        }
    }

    /// Opens a session if somebody waits and one is allowed.
    fn open_wanted(self: &Rc<Self>) {
        {
            let state = &mut *self.state.borrow_mut();
            let waiting = state.waiting.iter().filter(|one| !one.is_closed()).count();
            let room = state.links.len() + state.opening < state.allowed;
            if waiting <= state.opening || !room || state.away.is_some() {
                return;
            }
            state.opening += 1;
        }
        let pool = Rc::downgrade(self);
        let options = Arc::clone(&self.options);
        // Not in the request's own task: a client that hangs up would leave a login behind half done.
        spawn_local(async move {
            let opened = in_time(&options).await;
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

    fn add(self: &Rc<Self>, opened: Opened) {
        let (mut reader, writer) = opened.stream.split();
        let link = {
            let state = &mut *self.state.borrow_mut();
            state.last += 1;
            let names = Names::new(self.options.prepared_statements);
            let link = Link::new(state.last, opened.key, opened.place, writer, names);
            let link = Rc::new(link);
            state.links.push(Rc::clone(&link));
            link
        };
        let driven = Rc::clone(&link);
        let pool = Rc::downgrade(self);
        spawn_local(async move {
            let reason = driven
                .drive(&mut reader, opened.arrived, || {
                    if let Some(pool) = pool.upgrade() {
                        pool.landed(&driven);
                    }
                })
                .await;
            ended(&pool, &driven, &reason);
        });
        self.offer(link);
    }

    /// No session came of it. Others may live: then whoever waits gets one of those.
    fn refused(self: &Rc<Self>, error: &DbError) {
        {
            let state = &mut *self.state.borrow_mut();
            state.closed_until = Instant::now() + BACKOFF.1;
            if !state.links.is_empty() {
                state.allowed = state.links.len();
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
    fn missed(&self, error: &DbError) {
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
    fn abandon(self: &Rc<Self>, link: &Rc<Link>) {
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
        for link in &self.state.get_mut().links {
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
    }
    link.fail(reason);
    if let Some(pool) = pool.upgrade() {
        pool.open_wanted();
    }
}

/// The one that looks whether PostgreSQL is back, more often while somebody wants it.
async fn probe(pool: Weak<Pool>, wanted: Rc<Notify>, options: Arc<Options>, seed: u64) {
    let mut pause = BACKOFF.0;
    let mut dice = seed | 1;
    loop {
        // Xorshift. Not all workers, and not all servers, shall come in the same moment.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let jitter = BACKOFF.0.mul_f64((dice % 256) as f64 / 256.0);
        tokio::time::sleep(BACKOFF.0 + jitter).await;
        let _ = tokio::time::timeout(pause - BACKOFF.0, wanted.notified()).await;
        let opened = in_time(&options).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        match opened {
            Ok(opened) => {
                {
                    let state = &mut *pool.state.borrow_mut();
                    state.away = None;
                    state.closed_until = Instant::now();
                }
                return pool.add(opened);
            }
            Err(error) => pool.missed(&error),
        }
        pause = (pause * 2).min(BACKOFF.1);
    }
}

async fn in_time(options: &Options) -> Result<Opened, DbError> {
    tokio::time::timeout(options.connect_timeout, open(options))
        .await
        .unwrap_or_else(|_| {
            Err(DbError::Unreachable(
                "opening a connection took too long".into(),
            ))
        })
}

/// A session on loan. Given back when it is dropped unused, else when everything sent is answered.
pub struct Lease {
    link: Option<Rc<Link>>,
    pool: Rc<Pool>,
}

impl Lease {
    fn new(pool: &Rc<Pool>, link: Rc<Link>) -> Self {
        Self {
            link: Some(link),
            pool: Rc::clone(pool),
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When it cannot be written. Nothing was sent then.
    pub fn send(mut self, work: &Work<'_>, block: Block) -> Result<Asked, DbError> {
        let link = self
            .link
            .as_ref()
            .ok_or_else(|| DbError::Lost("the connection was given away".into()))?;
        let coming = link.send(work, block)?;
        let link = self.link.take();
        Ok(Asked {
            link,
            pool: Rc::clone(&self.pool),
            coming,
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            self.pool.offer(link);
        }
    }
}

/// A request that was sent. Dropped before its answer, which is what happens when the client goes away, it is
/// cancelled.
pub struct Asked {
    link: Option<Rc<Link>>,
    pool: Rc<Pool>,
    coming: Coming,
}

impl Future for Asked {
    type Output = Result<Answer, DbError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(Pin::new(&mut self.coming).poll(context));
        self.link = None;
        Poll::Ready(answer.unwrap_or_else(|_| Err(DbError::Lost("the connection ended".into()))))
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // With an answer that nobody took, the session is somebody else's already.
        let under_way = matches!(self.coming.try_recv(), Err(TryRecvError::Empty));
        if let Some(link) = self.link.take().filter(|_| under_way) {
            self.pool.abandon(&link);
        }
    }
}
