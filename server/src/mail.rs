//! Mail to users. The database decides what is sent to whom and when it is tried again; this takes
//! what is due, writes it and hands it to a mail server.
//!
//! It logs in as `fluxbase_mailer`, on a connection of its own: reset tokens pass through here, and
//! the login that answers requests must not be able to read them. No address, token, code or link is
//! ever logged; a mail is called by its id, kind and attempt.
//!
//! | module | holds |
//! |---|---|
//! | [`order`] | what the database wants sent |
//! | [`link`] | the address a mail asks to open |
//! | [`template`], [`texts`], [`builtin`] | what it says |
//! | [`letter`] | order → message |
//! | [`post`] | where it goes: SMTP, files |
//! | [`session`] | the connection to the database |
//! | [`worker`] | the task that does all this |

pub mod builtin;
pub mod letter;
pub mod link;
pub mod order;
pub mod post;
pub mod session;
pub mod template;
pub mod texts;
pub mod worker;

pub use worker::{Mailer, Worker};

#[cfg(test)]
mod tests;
