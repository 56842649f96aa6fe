use crate::db::{DbError, Options};
use futures_util::future::poll_fn;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, NoTls};

/// What has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Relations.
    Catalog,
    /// Public keys and settings.
    Keys,
    /// Everything.
    Both,
}

impl Change {
    fn of_channel(channel: &str) -> Option<Self> {
        match channel {
            "fluxbase_catalog" => Some(Self::Catalog),
            "fluxbase_keys" => Some(Self::Keys),
            _ => None,
        }
    }

    fn with(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }

    /// Relations have to be read.
    pub fn catalog(self) -> bool {
        self != Self::Keys
    }

    /// Keys have to be read.
    pub fn keys(self) -> bool {
        self != Self::Catalog
    }
}

/// A session of the server's login that listens.
pub struct Session {
    client: Arc<Client>,
    changes: UnboundedReceiver<Change>,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Logs in and listens.
    ///
    /// # Errors
    /// As PostgreSQL or the network says.
    pub async fn open(options: &Options) -> Result<Self, DbError> {
        let connecting = Self::connect(options);
        tokio::time::timeout(options.connect_timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(DbError::Unreachable("connecting took too long".into())))
    }

    async fn connect(options: &Options) -> Result<Self, DbError> {
        let (client, mut wire) = options.config.connect(NoTls).await?;
        let (sender, changes) = unbounded_channel();
        let driver = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| wire.poll_message(context)).await {
                match message {
                    Ok(AsyncMessage::Notification(notification)) => {
                        // A payload is never looked at: anybody who can connect may notify.
                        if let Some(change) = Change::of_channel(notification.channel())
                            && sender.send(change).is_err()
                        {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = %DbError::from(error), "listening session");
                        return;
                    }
                }
            }
        });
        let session = Self {
            client: Arc::new(client),
            changes,
            driver,
        };
        session
            .client
            .batch_execute("listen fluxbase_catalog; listen fluxbase_keys")
            .await?;
        Ok(session)
    }

    /// For queries beside the listening.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// The next change; `None` when the session is gone.
    pub async fn changed(&mut self) -> Option<Change> {
        self.changes.recv().await
    }

    /// Adds what arrived meanwhile.
    pub fn drain(&mut self, first: Change) -> Change {
        let mut all = first;
        while let Ok(change) = self.changes.try_recv() {
            all = all.with(change);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Change;

    #[test]
    fn only_our_channels_cause_work() {
        assert_eq!(Change::of_channel("fluxbase_keys"), Some(Change::Keys));
        assert_eq!(
            Change::of_channel("fluxbase_catalog"),
            Some(Change::Catalog)
        );
        assert_eq!(Change::of_channel("fluxbase_catalog2"), None);
    }

    #[test]
    fn a_burst_becomes_one_reading_of_all_it_touched() {
        assert_eq!(Change::Keys.with(Change::Keys), Change::Keys);
        assert_eq!(Change::Keys.with(Change::Catalog), Change::Both);
        assert!(Change::Both.catalog() && Change::Both.keys());
        assert!(!Change::Keys.catalog() && !Change::Catalog.keys());
    }
}
