//! Large answers on their way from PostgreSQL into a file.
//!
//! Nothing is answered before COMMIT succeeded, so somebody has to keep the whole answer until then, and the driver would
//! keep a row in memory twice. [`Spooling`] stands between the driver and the socket: of a row whose first column is larger
//! than [`MOST`] it writes that column into a file without a name and hands the driver the row with a mark in its place. So the
//! connection is free as soon as PostgreSQL has answered, however slowly the client reads.

mod cut;

use bytes::Bytes;
pub use cut::Mark;
use cut::{Cut, Piece};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is kept in memory, in bytes.
pub const MOST: usize = 1 << 20;

/// Read from the socket at once.
const BUFFER: usize = 32 << 10;

/// An answer in a file, which goes when this does.
#[derive(Clone, Debug)]
pub struct Spool {
    file: Arc<File>,
    /// How many bytes it has.
    pub length: u64,
}

impl Spool {
    /// So many bytes of it, or those up to its end.
    ///
    /// # Errors
    /// As the system says.
    pub fn read(&self, at: u64, most: u64) -> io::Result<Bytes> {
        let length = most.min(self.length.saturating_sub(at));
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }
}

/// Where files go, and those of the request that a connection answers.
#[derive(Clone, Debug)]
pub struct Slot {
    directory: Arc<PathBuf>,
    written: Arc<Mutex<Vec<Written>>>,
}

/// What stands for a column, and the column.
pub type Written = (Mark, io::Result<Spool>);

impl Slot {
    /// An empty one.
    #[must_use]
    pub fn new(directory: Arc<PathBuf>) -> Self {
        Self {
            directory,
            written: Arc::default(),
        }
    }

    /// What was written since this was asked last.
    pub fn take(&self) -> Vec<Written> {
        std::mem::take(&mut *self.lock())
    }

    fn put(&self, written: Written) {
        self.lock().push(written);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Written>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is being written: without a name, and made by the first bytes.
pub struct Filling {
    directory: Arc<PathBuf>,
    file: Option<io::Result<Spool>>,
}

impl Filling {
    /// One that nothing was written into.
    pub fn new(directory: Arc<PathBuf>) -> Self {
        Self {
            directory,
            file: None,
        }
    }

    /// Appends. The bytes are in the system's cache when this returns, hardly ever on a disk, so that handing them to
    /// another thread would cost more than it saves. After an error the rest is let go.
    pub fn add(&mut self, bytes: &[u8]) {
        let spool = self.file.get_or_insert_with(|| {
            let file = Arc::new(tempfile::tempfile_in(&*self.directory)?);
            Ok(Spool { file, length: 0 })
        });
        let Ok(open) = spool else {
            return;
        };
        match open.file.as_ref().write_all(bytes) {
            Ok(()) => open.length += bytes.len() as u64,
            Err(error) => *spool = Err(error),
        }
    }

    /// What was written since this was asked last.
    pub fn end(&mut self) -> io::Result<Spool> {
        let none = || Err(io::Error::other("nothing was written"));
        self.file.take().unwrap_or_else(none)
    }
}

/// A socket whose large answers go into files.
pub struct Spooling<S> {
    socket: S,
    slot: Slot,
    cut: Cut,
    input: Box<[u8]>,
    /// What of the input was not looked at yet.
    rest: std::ops::Range<usize>,
    /// What of the last head the driver has not got yet.
    head: Vec<u8>,
    file: Filling,
}

impl<S> Spooling<S> {
    /// Around a socket that nothing was read from.
    pub fn new(socket: S, slot: Slot) -> Self {
        let file = Filling::new(Arc::clone(&slot.directory));
        Self {
            socket,
            slot,
            cut: Cut::new(MOST),
            input: vec![0; BUFFER].into_boxed_slice(),
            rest: 0..0,
            head: Vec::new(),
            file,
        }
    }

    /// Gives the driver what there is of the input; a piece at a time, as far as there is room.
    fn feed(&mut self, out: &mut ReadBuf<'_>) {
        while out.remaining() > 0 {
            if !self.head.is_empty() {
                let fits = self.head.len().min(out.remaining());
                out.put_slice(self.head.get(..fits).unwrap_or_default());
                self.head.drain(..fits);
                continue;
            }
            let input = self.input.get(self.rest.clone()).unwrap_or_default();
            if input.is_empty() {
                return;
            }
            let (taken, piece) = self.cut.next(input, out.remaining());
            match piece {
                Piece::Nothing => {}
                Piece::Head(head) => self.head.extend_from_slice(head),
                Piece::Through(bytes) => out.put_slice(bytes),
                Piece::Aside { bytes, end } => {
                    self.file.add(bytes);
                    if let Some(mark) = end {
                        self.slot.put((mark, self.file.end()));
                    }
                }
            }
            self.rest.start += taken;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spooling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = out.filled().len();
        loop {
            this.feed(out);
            if out.filled().len() > before || out.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let mut input = ReadBuf::new(&mut this.input);
            ready!(Pin::new(&mut this.socket).poll_read(context, &mut input))?;
            this.rest = 0..input.filled().len();
            if this.rest.is_empty() {
                // The end of the connection.
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spooling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
