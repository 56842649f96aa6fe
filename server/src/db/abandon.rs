use super::connection::Opener;
use super::dial::Already;
use super::pool::Options;
use super::socket::{dial, places};
use super::tls::Tls;
use deadpool::managed::Object;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio_postgres::{CancelToken, Config};

/// Longer than any query takes to notice a cancel; after it the session is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// First and longest pause between cancels.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Cancels what runs on a connection nobody waits for any more, and gives the connection back once
/// PostgreSQL is idle outside a transaction. Anything unexpected closes it instead.
///
/// Closing every such connection would be simpler, but lets a client that hangs up at once make
/// PostgreSQL start a process for each of its requests. It would not stop the query either:
/// PostgreSQL notices a closed connection only when it has something to say.
pub async fn wind_down(object: Object<Opener>, options: Arc<Options>) {
    let settled = tokio::time::timeout(PATIENCE, settle(&object, &options)).await;
    match settled {
        Ok(Ok(())) => {
            // What it was answered with is nobody's, and may be large.
            drop(object.spooled.take());
            drop(object);
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "an abandoned connection was closed");
            drop(Object::take(object));
        }
        Err(_) => {
            tracing::warn!("an abandoned query did not stop in time; its connection was closed");
            drop(Object::take(object));
        }
    }
}

/// Cancels until PostgreSQL has got to the rollback behind everything that was sent.
///
/// One cancel is not enough. What the request had put into the driver's queue is sent although nobody
/// waits for it, so a cancel can arrive before the statement it is meant for, and PostgreSQL forgets
/// a cancel that finds it waiting for a message: of 96 clients that hung up within 4 ms, two left
/// their query running to its end.
async fn settle(object: &Object<Opener>, options: &Options) -> io::Result<()> {
    let tls = options
        .tls
        .insisting(object.encrypted.load(Ordering::Relaxed));
    cancel(&options.config, &tls, object.client.cancel_token()).await?;
    // A warning when nothing is open.
    let mut rollback = pin!(object.client.batch_execute("rollback"));
    let mut pause = AGAIN.0;
    loop {
        if let Ok(answer) = tokio::time::timeout(pause, rollback.as_mut()).await {
            return answer.map_err(io::Error::other);
        }
        cancel(&options.config, &tls, object.client.cancel_token()).await?;
        pause = (pause * 2).min(AGAIN.1);
    }
}

/// Sends the cancel request to every host, since the driver does not tell which one the session is of; the others know no
/// such session. Waits until PostgreSQL has closed that connection, which it does after signalling the session. The driver's
/// own call returns earlier, and its signal could then hit the next request on the connection.
async fn cancel(config: &Config, tls: &Tls, token: CancelToken) -> io::Result<()> {
    let mut outcome = Err(io::Error::other("no host"));
    for number in 0..places(config) {
        // One that answered is enough; one that is away cannot be the session's.
        let sent = cancel_at(config, tls, number, token.clone()).await;
        if outcome.is_err() {
            outcome = sent;
        }
    }
    outcome
}

async fn cancel_at(
    config: &Config,
    tls: &Tls,
    number: usize,
    token: CancelToken,
) -> io::Result<()> {
    let mut socket = dial(config, tls, number).await?;
    token
        .cancel_query_raw(&mut socket, Already(None))
        .await
        .map_err(io::Error::other)?;
    let mut nothing = [0; 1];
    match socket.read(&mut nothing).await {
        Ok(_) => Ok(()),
        // PostgreSQL may close without reading to the end, and without a word of TLS.
        Err(error) if is_end(error.kind()) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether the other side is gone, in whatever way.
pub fn is_end(error: io::ErrorKind) -> bool {
    matches!(
        error,
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
    )
}
