//! What `fluxbase` can be told to do.

mod admin;
mod check;
mod keys;
mod migrate;
mod serve;
mod user;

use crate::config::{Config, ConfigError, Overrides};
use crate::db::DbError;
use clap::Subcommand;

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve requests until told to stop.
    Serve,
    /// Install or upgrade the extension, set the password of the server's login, apply the auth section.
    Migrate(AdminUrl),
    /// Check the configuration and the connection, then exit.
    Check,
    /// Print an API key for anon and one for service_role.
    Keys(AdminUrl),
    /// Act on users.
    #[command(subcommand)]
    User(User),
}

/// What can be done to users.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Make a user. The password is read from standard input, one line.
    Create(Create),
}

/// A user to make.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The e-mail address.
    pub email: String,
    /// An administrator (role dashboard_admin).
    #[arg(long)]
    pub admin: bool,
    #[command(flatten)]
    url: AdminUrl,
}

/// How to connect as an administrator.
#[derive(Debug, clap::Args)]
pub struct AdminUrl {
    /// postgres:// URL of an administrator; FLUXBASE_DATABASE_ADMIN_URL keeps it out of the list of processes.
    #[arg(long)]
    admin_url: Option<String>,
}

/// Why a command failed: for the operator, without any secret.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error("{doing}: {error}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What PostgreSQL or the network said.
        error: DbError,
    },
    /// Configuration and database contradict each other.
    #[error(
        "the database's settings differ from the auth section of the configuration: {names}; \
         run `fluxbase migrate`, since the server's login may not change them, or change the configuration"
    )]
    SettingsDiffer {
        /// The settings.
        names: String,
    },
    /// The database asks for what this configuration cannot do.
    #[error("auth.{name} of the database cannot be served: {why}")]
    Unservable {
        /// The setting.
        name: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// `database.url` names a login that could act without a token.
    #[error(
        "database.url logs in as \"{login}\", which may act in the database without a token; \
         use fluxbase_app, or a login that is a member of it and no superuser"
    )]
    LoginNotBound {
        /// The login.
        login: String,
    },
    /// The database refused what was asked.
    #[error("{0}")]
    Refused(String),
    /// The operating system.
    #[error("{doing}: {error}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        error: std::io::Error,
    },
}

impl Problem {
    fn database(doing: &'static str) -> impl FnOnce(DbError) -> Self {
        move |error| Self::Database { doing, error }
    }

    fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Io { doing, error }
    }
}

impl Command {
    /// Options given beside the command.
    #[must_use]
    pub fn overrides(&self) -> Overrides {
        match self {
            Self::Serve | Self::Check => Vec::new(),
            Self::Migrate(admin)
            | Self::Keys(admin)
            | Self::User(User::Create(Create { url: admin, .. })) => admin
                .admin_url
                .iter()
                .map(|url| ("database.admin_url", url.clone()))
                .collect(),
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn run(self, config: Config) -> Result<(), Problem> {
        let runtime = actix_web::rt::System::new();
        match self {
            Self::Serve => runtime.block_on(serve::serve(config)),
            Self::Migrate(_) => runtime.block_on(migrate::migrate(&config)),
            Self::Check => runtime.block_on(check::check(config)),
            Self::Keys(_) => runtime.block_on(keys::keys(&config)),
            Self::User(User::Create(user)) => runtime.block_on(user::create(&config, &user)),
        }
    }
}
