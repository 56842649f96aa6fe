use super::batch::Block;
use super::link::Link;
use super::pool::Pool;
use super::queue::{Coming, Given};
use crate::db::error::DbError;
use crate::db::transaction::Work;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot::error::TryRecvError;

/// A session on loan. Given back when it is dropped unused, else when everything sent is answered.
pub struct Lease {
    link: Option<Rc<Link>>,
    pool: Rc<Pool>,
}

impl Lease {
    /// Whether the session is over.
    pub fn is_gone(&self) -> bool {
        self.link.as_ref().is_none_or(|link| link.is_retired())
    }

    pub fn new(pool: &Rc<Pool>, link: Rc<Link>) -> Self {
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
    type Output = Given;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(Pin::new(&mut self.coming).poll(context));
        self.link = None;
        let lost = || {
            (
                Err(DbError::Lost("the connection ended".into())),
                Duration::ZERO,
            )
        };
        Poll::Ready(answer.unwrap_or_else(|_| lost()))
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
