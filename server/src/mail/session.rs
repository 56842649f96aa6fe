//! The mailer's own session at the database.

use super::order::{Order, Unreadable};
use crate::db::{self, DbError, Tls};
use futures_util::future::poll_fn;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config};
use uuid::Uuid;

/// Longer than connecting or any of these calls takes; after it the session is taken for dead.
const PATIENCE: Duration = Duration::from_secs(10);

/// Options of a session of the mailer's login.
#[must_use]
pub fn options(login: &Config) -> Config {
    let mut config = login.clone();
    let given = config.get_options().map(|text| format!("{text} "));
    config
        .options(format!(
            "{}-c statement_timeout={}",
            given.unwrap_or_default(),
            PATIENCE.as_millis()
        ))
        .application_name("fluxbase mail")
        .connect_timeout(PATIENCE)
        .tcp_user_timeout(PATIENCE * 2)
        .keepalives_idle(Duration::from_secs(30));
    config
}

/// A session that listens.
pub struct Session {
    client: Client,
    calls: Receiver<()>,
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
    pub async fn open(options: &Config, tls: &Tls) -> Result<Self, DbError> {
        in_time(Self::connect(options, tls)).await
    }

    async fn connect(options: &Config, tls: &Tls) -> Result<Self, DbError> {
        let (client, mut wire) = db::connect(options, tls).await?;
        // One place: any number of calls before the next look mean one look.
        let (sender, calls) = channel(1);
        let driver = tokio::spawn(async move {
            while let Some(message) = poll_fn(|context| wire.poll_message(context)).await {
                match message {
                    // A payload is never looked at: anybody who can connect may notify.
                    Ok(AsyncMessage::Notification(_)) => {
                        let _ = sender.try_send(());
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(error = %DbError::from(error), "session of the mailer");
                        return;
                    }
                }
            }
        });
        let session = Self {
            client,
            calls,
            driver,
        };
        session.client.batch_execute("listen fluxbase_mail").await?;
        Ok(session)
    }

    /// Returns when there may be something to take; `false` when the session is gone.
    pub async fn called(&mut self) -> bool {
        self.calls.recv().await.is_some()
    }

    /// Takes at most so many mails.
    ///
    /// # Errors
    /// As PostgreSQL or the network says.
    pub async fn take(&self, most: i32) -> Result<Vec<Result<Order, Unreadable>>, DbError> {
        let statement = "select m from auth.take_mail($1::int) as m";
        let rows = in_time(async { Ok(self.client.query(statement, &[&most]).await?) }).await?;
        rows.iter()
            .map(|row| Ok(Order::read(row.try_get(0)?)))
            .collect()
    }

    /// Reports a mail as sent.
    ///
    /// # Errors
    /// As PostgreSQL or the network says.
    pub async fn sent(&self, id: Uuid) -> Result<(), DbError> {
        let statement = "select auth.mail_sent($1::text::uuid)";
        let id = id.to_string();
        in_time(async { Ok(self.client.execute(statement, &[&id]).await?) }).await?;
        Ok(())
    }

    /// Reports a mail as not sent. The database says when it is tried again.
    ///
    /// # Errors
    /// As PostgreSQL or the network says.
    pub async fn failed(&self, id: Uuid, reason: &str) -> Result<(), DbError> {
        let statement = "select auth.mail_failed($1::text::uuid, $2::text)";
        let id = id.to_string();
        in_time(async { Ok(self.client.execute(statement, &[&id, &reason]).await?) }).await?;
        Ok(())
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or(Err(DbError::Silent))
}
