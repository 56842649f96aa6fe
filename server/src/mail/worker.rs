//! One task: takes what is due, sends it, reports.

use super::letter::Writer;
use super::order::{Order, Unreadable};
use super::post::Post;
use super::session::{self, Session};
use super::texts::Texts;
use crate::clock;
use crate::config::{Config, ConfigError, Security, Transport};
use crate::db::{DbError, Tls};
use futures_util::{StreamExt, stream};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Taken at once.
const BATCH: i32 = 10;

/// Sent at once: more connections than that look like abuse to a mail server.
const AT_ONCE: usize = 3;

/// The database hands out again what was not reported within a minute, with another token. A mail
/// that would begin later than this after it was taken is left for that: it could arrive twice, the
/// second time with the token that works.
const FRESH: Duration = Duration::from_secs(40);

/// A call may have been missed: at this interval it is looked anyway.
const INTERVAL: Duration = Duration::from_secs(30);

/// First and longest pause before trying again to reach the database.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Everything that sending takes, ready before the server listens.
pub struct Mailer {
    options: tokio_postgres::Config,
    tls: Tls,
    writer: Writer,
    post: Post,
}

/// The running task.
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Mailer {
    /// Reads templates and certificates; `None` when nothing is to be sent.
    ///
    /// # Errors
    /// What an operator has to put right before mail can be sent.
    pub fn new(config: &Config) -> Result<Option<Self>, ConfigError> {
        let email = &config.email;
        // Read in any case: who wrote templates wants to know of mistakes.
        let texts = Texts::load(email.templates.as_deref())?;
        let Some(post) = Post::open(&email.transport, email.from.email.domain())? else {
            return Ok(None);
        };
        let login = match &email.login {
            Some(login) => login,
            None => config.database.login()?,
        };
        if let Transport::Smtp(smtp) = &email.transport
            && smtp.security == Security::None
            && !smtp.is_local()
        {
            tracing::warn!("mail leaves this machine unencrypted, and the links in it with it");
        }
        Ok(Some(Self {
            options: session::options(&login.config),
            tls: Tls::load(&login.tls)?,
            writer: Writer::new(email, texts),
            post,
        }))
    }

    /// Begins; a database that is away or not ready for mail is waited for.
    #[must_use]
    pub fn start(self) -> Worker {
        let (stop, told) = watch::channel(false);
        let task = tokio::spawn(self.work(told));
        Worker { stop, task }
    }

    async fn work(self, mut told: watch::Receiver<bool>) {
        let mut outage = Outage::none();
        while !*told.borrow() {
            let opened = tokio::select! {
                biased;
                () = stopped(&mut told) => return,
                opened = Session::open(&self.options, &self.tls) => opened,
            };
            let ended = match opened {
                Ok(session) => self.follow(session, &mut told, &mut outage).await,
                Err(error) => Err(error),
            };
            let Err(error) = ended else { return };
            let pause = outage.because(&error);
            tokio::select! {
                () = stopped(&mut told) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends until told to stop (`Ok`) or until the session breaks.
    async fn follow(
        &self,
        mut session: Session,
        told: &mut watch::Receiver<bool>,
        outage: &mut Outage,
    ) -> Result<(), DbError> {
        loop {
            let taken = session.take(BATCH).await?;
            outage.over();
            let more = taken.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX);
            self.send(&session, taken, told).await?;
            if *told.borrow() {
                return Ok(());
            }
            if more {
                continue;
            }
            tokio::select! {
                () = stopped(told) => return Ok(()),
                alive = session.called() => if !alive {
                    return Err(DbError::Lost("the session was closed".into()));
                },
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Sends what was taken. All of it is seen through even when the session breaks meanwhile.
    async fn send(
        &self,
        session: &Session,
        taken: Vec<Result<Order, Unreadable>>,
        told: &watch::Receiver<bool>,
    ) -> Result<(), DbError> {
        let began = Instant::now();
        let each = taken.into_iter().map(|order| async move {
            // What has not begun when the server stops is somebody else's in a minute.
            if *told.borrow() || began.elapsed() > FRESH {
                return Ok(());
            }
            match order {
                Ok(order) => self.one(session, &order).await,
                Err(unreadable) => refuse(session, &unreadable).await,
            }
        });
        let mut outcomes = stream::iter(each).buffer_unordered(AT_ONCE);
        let mut all = Ok(());
        while let Some(outcome) = outcomes.next().await {
            all = all.and(outcome);
        }
        all
    }

    async fn one(&self, session: &Session, order: &Order) -> Result<(), DbError> {
        let (id, kind, attempt) = (order.id, order.kind.name(), order.attempt);
        let now = clock::now();
        let problem = match self.writer.write(order, now) {
            Err(refusal) => Some(refusal.to_string()),
            Ok(letter) => {
                let delivered = self.post.deliver(order, letter, now).await;
                delivered.err().map(|undelivered| undelivered.to_string())
            }
        };
        let reported = match problem {
            None => {
                tracing::info!(%id, kind, attempt, "mail sent");
                session.sent(id).await
            }
            Some(reason) => {
                tracing::warn!(%id, kind, attempt, reason, "mail not sent");
                session.failed(id, &reason).await
            }
        };
        survive(reported, id)
    }
}

/// A mail this version cannot read: reported, so that it does not come back every minute.
async fn refuse(session: &Session, unreadable: &Unreadable) -> Result<(), DbError> {
    let Some(id) = unreadable.id else {
        tracing::error!("the database handed out a mail without an id");
        return Ok(());
    };
    tracing::error!(%id, "the database handed out a mail that this version cannot read");
    let reason = "this version of the server cannot read the mail";
    survive(session.failed(id, reason).await, id)
}

/// A report the database refuses (the mail is gone, say) concerns this mail only.
fn survive(reported: Result<(), DbError>, id: uuid::Uuid) -> Result<(), DbError> {
    match reported {
        Err(error) if !error.breaks_connection() => {
            tracing::warn!(%id, %error, "the database did not take the report");
            Ok(())
        }
        other => other,
    }
}

impl Worker {
    /// Tells it to stop and waits: a mail under way is finished and reported, or it would be sent
    /// again. After `patience` it is given up.
    pub async fn stop(mut self, patience: Duration) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(patience, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
            tracing::warn!("a mail was still being sent and may be sent again");
        }
    }
}

async fn stopped(told: &mut watch::Receiver<bool>) {
    // Err: whoever could tell is gone, which says the same.
    let _ = told.wait_for(|stop| *stop).await;
}

/// The database cannot be reached: one warning, however long it takes.
struct Outage {
    pause: Duration,
    warned: bool,
}

impl Outage {
    fn none() -> Self {
        Self {
            pause: BACKOFF.0,
            warned: false,
        }
    }

    /// Goes on; how long to wait now.
    fn because(&mut self, error: &DbError) -> Duration {
        if self.warned {
            tracing::debug!(%error, "no mail yet");
        } else {
            tracing::warn!(%error, "mail waits until the database hands it out; trying again");
            self.warned = true;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(BACKOFF.1);
        pause
    }

    fn over(&mut self) {
        if self.warned {
            tracing::info!("mail is sent again");
        }
        *self = Self::none();
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKOFF, Outage};
    use crate::db::DbError;

    #[test]
    fn an_outage_is_tried_again_ever_more_slowly_and_a_new_one_quickly() {
        let error = DbError::Silent;
        let mut outage = Outage::none();
        assert_eq!(outage.because(&error), BACKOFF.0);
        assert_eq!(outage.because(&error), BACKOFF.0 * 2);
        for _ in 0..20 {
            outage.because(&error);
        }
        assert_eq!(outage.because(&error), BACKOFF.1);
        assert!(outage.warned);
        outage.over();
        assert!(!outage.warned);
        assert_eq!(outage.because(&error), BACKOFF.0);
    }
}
