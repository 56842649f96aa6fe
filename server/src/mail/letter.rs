//! An order becomes a message. Nothing in here sends anything.

use super::link::link;
use super::order::Order;
use super::template::{Placeholder, Values};
use super::texts::Texts;
use crate::config::Email;
use fluxbase_rules::UnixSeconds;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use std::time::{Duration, UNIX_EPOCH};
use url::Url;

/// A message and what the person it goes to does with it. No `Debug`: that is the secret in it.
pub struct Letter {
    /// What is sent.
    pub message: Message,
    /// The link or the code, for the developer's terminal.
    pub key: Option<String>,
}

/// Why there is no message. Told to the database: the texts hold no value of the mail.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `to` is not exactly one address.
    #[error("the recipient is not one valid address")]
    Recipient,
    /// `redirect_to` leads nowhere a browser should go.
    #[error("redirect_to is not an http or https address")]
    Redirect,
    /// The text names something this mail has not.
    #[error("the template needs {{{{{}}}}}, which this mail does not have", .0.name())]
    Missing(Placeholder),
    /// The library refused.
    #[error("the message cannot be put together")]
    Message,
}

/// Writes letters.
#[derive(Debug)]
pub struct Writer {
    from: Mailbox,
    reply_to: Option<Mailbox>,
    base: Url,
    texts: Texts,
}

/// Tells vacation responders and the like to keep quiet (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Writer {
    /// With the sender and the links of the configuration.
    #[must_use]
    pub fn new(email: &Email, texts: Texts) -> Self {
        Self {
            from: email.from.clone(),
            reply_to: email.reply_to.clone(),
            base: email.base_url.clone(),
            texts,
        }
    }

    /// Writes one.
    ///
    /// # Errors
    /// See [`Refusal`]; trying again changes nothing unless the configuration does.
    pub fn write(&self, order: &Order, now: UnixSeconds) -> Result<Letter, Refusal> {
        let to = recipient(&order.to)?;
        let link = link(&self.base, order).map_err(|_| Refusal::Redirect)?;
        let minutes = order.minutes.map(|minutes| minutes.to_string());
        let values = Values {
            link: link.as_deref(),
            code: order.code.as_deref(),
            minutes: minutes.as_deref(),
            to: &order.to,
        };
        let text = self.texts.of(order.kind).ok_or(Refusal::Message)?;
        let subject = text.subject.render(&values).map_err(Refusal::Missing)?;
        let plain = text.plain.render(&values).map_err(Refusal::Missing)?;
        let html = text.html.render(&values).map_err(Refusal::Missing)?;
        // A value in a subject comes from the database; a line break in it must not become a header.
        if subject.chars().any(char::is_control) {
            return Err(Refusal::Message);
        }

        let seconds = u64::try_from(now).unwrap_or(0);
        let domain = self.from.email.domain();
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            // One per attempt: a receiver that saw the first must not drop the second with its newer token.
            .message_id(Some(format!("<{}.{}@{domain}>", order.id, order.attempt)))
            .header(AutoSubmitted);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let message = builder
            .multipart(MultiPart::alternative_plain_html(plain, html))
            .map_err(|_| Refusal::Message)?;
        Ok(Letter {
            message,
            key: link.or_else(|| order.code.clone()),
        })
    }
}

/// Exactly one bare address. A quoted local part could hold a line break, so the parser is not asked alone.
fn recipient(text: &str) -> Result<Address, Refusal> {
    if text.chars().any(char::is_control) {
        return Err(Refusal::Recipient);
    }
    text.parse().map_err(|_| Refusal::Recipient)
}
