use super::abandon;
use super::connection::{Connection, Opener};
use super::pool::Options;
use deadpool::managed::Object;
use std::sync::Arc;

/// A connection on loan for one request.
///
/// Dropped while an answer is outstanding, which is what happens when the client goes away, the
/// query is cancelled and the connection stays out of the pool until PostgreSQL is done with it.
pub struct Lease {
    object: Option<Object<Opener>>,
    options: Arc<Options>,
    outstanding: bool,
}

impl Lease {
    pub fn new(object: Object<Opener>, options: Arc<Options>) -> Self {
        Self {
            object: Some(object),
            options,
            outstanding: false,
        }
    }

    /// The connection; `None` after [`Lease::discard`].
    pub fn connection(&mut self) -> Option<&mut Connection> {
        self.object.as_deref_mut()
    }

    /// From here until [`Lease::answered`] the connection must not be given to anyone else.
    pub fn sent(&mut self) {
        self.outstanding = true;
    }

    /// Everything sent has been answered.
    pub fn answered(&mut self) {
        self.outstanding = false;
    }

    /// Closes the connection instead of giving it back.
    pub fn discard(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
        self.outstanding = false;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.outstanding {
            return;
        }
        let Some(object) = self.object.take() else {
            return;
        };
        // No runtime: the process is ending, and closing the socket is all that is left to do.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(abandon::wind_down(object, Arc::clone(&self.options)));
            }
            Err(_) => drop(Object::take(object)),
        }
    }
}
