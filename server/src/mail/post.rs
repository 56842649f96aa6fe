//! Where letters go.

mod file;
mod smtp;

use super::letter::Letter;
use super::order::Order;
use crate::config::{ConfigError, Transport};
use fluxbase_rules::UnixSeconds;
use std::time::Duration;

pub use file::Directory;
pub use smtp::Server;

/// The longest that handing over one letter may take, from the connection to the last answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One way out.
pub enum Post {
    /// A mail server.
    Smtp(Server),
    /// A directory.
    File(Directory),
}

/// Why a letter did not leave. For the log and the database: never what the other side said, which
/// may repeat the address or the letter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undelivered(pub String);

impl Post {
    /// Gets ready; `None` for transport none.
    ///
    /// # Errors
    /// When the certificates cannot be read or the directory cannot be made.
    pub fn open(transport: &Transport, sender_domain: &str) -> Result<Option<Self>, ConfigError> {
        Ok(match transport {
            Transport::None => None,
            Transport::Smtp(smtp) => Some(Self::Smtp(Server::new(smtp, sender_domain)?)),
            Transport::File(path) => Some(Self::File(Directory::open(path)?)),
        })
    }

    /// Hands a letter over.
    ///
    /// # Errors
    /// When it did not arrive, or did not say so in time.
    pub async fn deliver(
        &self,
        order: &Order,
        letter: Letter,
        now: UnixSeconds,
    ) -> Result<(), Undelivered> {
        match self {
            Self::Smtp(server) => tokio::time::timeout(PATIENCE, server.send(letter.message))
                .await
                .unwrap_or_else(|_| Err(Undelivered("the mail server took too long".into()))),
            Self::File(directory) => directory
                .write(order, &letter, now)
                .map_err(|error| Undelivered(format!("cannot write the file: {error}"))),
        }
    }
}
