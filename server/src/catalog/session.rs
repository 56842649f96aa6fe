use crate::db::{self, DbError, Options};
use futures_util::future::poll_fn;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

/// What has to be read again, or forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Relations.
    pub catalog: bool,
    /// Public keys and settings.
    pub keys: bool,
    /// How often service keys and client keys may ask.
    pub key_limits: bool,
}

impl Change {
    /// Anything may have changed.
    pub const ALL: Self = Self {
        catalog: true,
        keys: true,
        key_limits: true,
    };

    fn of_channel(channel: &str) -> Option<Self> {
        let nothing = Self::default();
        match channel {
            "fluxbase_catalog" => Some(Self {
                catalog: true,
                ..nothing
            }),
            "fluxbase_keys" => Some(Self {
                keys: true,
                ..nothing
            }),
            "fluxbase_key_limits" => Some(Self {
                key_limits: true,
                ..nothing
            }),
            _ => None,
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            catalog: self.catalog || other.catalog,
            keys: self.keys || other.keys,
            key_limits: self.key_limits || other.key_limits,
        }
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
        let (client, mut wire) = db::connect(&options.config, &options.tls).await?;
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
            .batch_execute(
                "listen fluxbase_catalog; listen fluxbase_keys; listen fluxbase_key_limits",
            )
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

    fn of(channel: &str) -> Change {
        Change::of_channel(channel).unwrap()
    }

    #[test]
    fn only_our_channels_cause_work() {
        let (catalog, keys) = (of("fluxbase_catalog"), of("fluxbase_keys"));
        assert!(catalog.catalog && !catalog.keys && !catalog.key_limits);
        assert!(keys.keys && !keys.catalog && !keys.key_limits);
        let limits = of("fluxbase_key_limits");
        assert!(limits.key_limits && !limits.catalog && !limits.keys);
        assert_eq!(Change::of_channel("fluxbase_catalog2"), None);
    }

    #[test]
    fn a_burst_becomes_one_reading_of_all_it_touched() {
        let keys = of("fluxbase_keys");
        assert_eq!(keys.with(keys), keys);
        let all = keys
            .with(of("fluxbase_catalog"))
            .with(of("fluxbase_key_limits"));
        assert_eq!(all, Change::ALL);
    }
}
