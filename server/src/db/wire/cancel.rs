//! Stopping what nobody waits for any more.

use super::link::Link;
use crate::db::abandon::is_end;
use crate::db::pool::Options;
use crate::db::socket::dial;
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Longer than any query takes to notice a cancel; after it the session is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// First and longest pause between cancels.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Cancels what runs in a session until everything sent there is answered; whether the session is good still.
///
/// Closing every such session would be simpler, but lets a client that hangs up at once make PostgreSQL start a
/// process for each of its requests. It would not stop the query either: PostgreSQL notices a closed connection only
/// when it has something to say.
pub async fn wind_down(link: &Link, options: &Options) -> bool {
    if link.depth() == 0 {
        return !link.is_retired();
    }
    let settled = tokio::time::timeout(PATIENCE, settle(link, options)).await;
    match settled {
        Ok(Ok(())) => !link.is_retired(),
        Ok(Err(error)) => {
            tracing::debug!(%error, "an abandoned connection was closed");
            false
        }
        Err(_) => {
            tracing::warn!("an abandoned query did not stop in time; its connection was closed");
            false
        }
    }
}

/// One cancel is not enough: it can arrive before the statement it is meant for, and PostgreSQL forgets a cancel that
/// finds it waiting for a message.
async fn settle(link: &Link, options: &Options) -> io::Result<()> {
    let mut pause = AGAIN.0;
    loop {
        cancel(link, options).await?;
        if tokio::time::timeout(pause, link.settled()).await.is_ok() {
            break;
        }
        pause = (pause * 2).min(AGAIN.1);
    }
    // A cancel that is still on its way finds this and not the next request.
    link.send_nothing();
    link.settled().await;
    Ok(())
}

/// Returns when PostgreSQL has closed the cancel's own connection, which it does after signalling the session.
async fn cancel(link: &Link, options: &Options) -> io::Result<()> {
    let key = link
        .key
        .ok_or_else(|| io::Error::other("a session without a key"))?;
    let tls = options.tls.insisting(link.is_encrypted());
    let mut stream = dial(&options.config, &tls, link.place).await?;
    let mut request = BytesMut::new();
    frontend::cancel_request(key.process, key.secret, &mut request);
    stream.write_all(&request).await?;
    stream.flush().await?;
    match stream.read(&mut [0]).await {
        // PostgreSQL may close without reading to the end, and without a word of TLS.
        Err(error) if !is_end(error.kind()) => Err(error),
        _ => Ok(()),
    }
}
