//! The configuration: `fluxbase.yaml`, the environment, the command line.
//!
//! Every option is defined in exactly one section file below, with its default and a sentence for
//! the person who sets it. A value is taken from the first of: command line, `FLUXBASE_SECTION_KEY`
//! (or `FLUXBASE_SECTION_KEY_FILE`), the short names `JWT_SECRET`, `DATABASE_URL` and
//! `SMTP_PASSWORD` (or `_FILE`), the yaml, the default. A key nobody knows stops the start and names the nearest known one: a
//! setting that is silently ignored is worse than none.

mod account_limits;
mod api;
mod auth;
mod csrf;
mod database;
mod email;
mod environment;
mod error;
mod expand;
mod given;
mod graphql;
mod logging;
mod rate_limiting;
mod server;
mod setting;
mod tls;
mod url;
mod yaml;

pub use api::{Api, Describe};
pub use auth::{Auth, GivenSetting};
pub use csrf::Csrf;
pub use database::{Database, Executor};
pub use email::{Email, Security, Smtp, Transport};
pub use environment::Environment;
pub use error::ConfigError;
pub use graphql::GraphQl;
pub use logging::{Format, Logging};
pub use rate_limiting::{Endpoint, RateLimiting};
pub use server::Server;
pub use setting::{Setting, markdown_table};
pub use tls::{Roots, SslMode, Tls};
pub use url::Login;

use given::Given;
use std::path::Path;

/// Everything `fluxbase` can be told, checked.
#[derive(Debug)]
pub struct Config {
    /// Where and how to listen.
    pub server: Server,
    /// How to reach PostgreSQL.
    pub database: Database,
    /// What the database enforces; the server only compares it and verifies tokens with it.
    pub auth: Auth,
    /// Sizes of pages and batches.
    pub api: Api,
    /// What of GraphQL is served.
    pub graphql: GraphQl,
    /// The secret of CSRF tokens; without it there are no cookies.
    pub csrf: Option<Csrf>,
    /// How mail leaves.
    pub email: Email,
    /// How often one client may ask.
    pub rate_limiting: RateLimiting,
    /// What is written to standard error.
    pub logging: Logging,
}

/// A setting of the database that this server can serve with one value only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Without its section.
    pub name: &'static str,
    /// The value.
    pub value: &'static str,
    /// Why not with another.
    pub why: &'static str,
}

/// Options given on the command line: full option name and value.
pub type Overrides = Vec<(&'static str, String)>;

impl Config {
    /// Reads the yaml file (which may be absent when `path` is `None`), then the environment, then
    /// the command line, and checks every section.
    ///
    /// # Errors
    /// The first thing that is unknown, malformed or contradictory, with the name of the option and
    /// where it was set. Values of secrets are never part of the message.
    pub fn load(
        path: Option<&Path>,
        environment: &Environment,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let text = match path {
            None => String::new(),
            Some(path) => std::fs::read_to_string(path).map_err(|error| ConfigError::File {
                what: "the configuration".into(),
                path: path.to_owned(),
                why: error.to_string(),
            })?,
        };
        Self::from_text(&text, environment, overrides)
    }

    /// What the database must not ask of this server, whatever the auth section says or leaves unsaid.
    #[must_use]
    pub fn demands(&self) -> Vec<Demand> {
        let mut demands = Vec::new();
        if !self.server.listen.ip().is_loopback() {
            demands.push(Demand {
                name: "development",
                value: "false",
                why: "it is a database of `make run`, whose keys lie in files, and server.address is no loopback address",
            });
        }
        if matches!(self.email.transport, Transport::None) {
            demands.push(Demand {
                name: "require_email_verification",
                value: "false",
                why: "email.transport is none, so nobody who signs up could ever sign in; set a transport",
            });
        }
        demands
    }

    /// As [`Config::load`], from the text of the yaml file.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(
        yaml: &str,
        environment: &Environment,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let known = setting::known();
        let mut given = Given::new(yaml::read(yaml, &known, environment)?);
        given.short_names(environment)?;
        given.prefixed(&known, environment)?;
        given.command_line(overrides);
        let server = Server::read(&given)?;
        let database = Database::read(&given)?;
        let graphql = GraphQl::read(&given, &server)?;
        let email = Email::read(&given, &server)?;
        let auth = Auth::read(&given, &email.base_url)?;
        if auth.settings.development && !server.listen.ip().is_loopback() {
            return Err(given.malformed(
                "server.address",
                "auth.development is true: its keys are for this machine, so only a loopback address is served",
            ));
        }
        Ok(Self {
            server,
            database,
            auth,
            api: Api::read(&given)?,
            graphql,
            csrf: Csrf::read(&given)?,
            email,
            rate_limiting: RateLimiting::read(&given)?,
            logging: Logging::read(&given)?,
        })
    }
}

#[cfg(test)]
mod tests;
