//! One running `fluxbase serve`, configured through its environment alone.

use crate::cluster::free_port;
use crate::environment::{executor, server_binary};
use crate::fixture::Database;
use crate::http::Request;
use crate::janitor::{at_end, quoted};
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Killed when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// On 127.0.0.1.
    pub port: u16,
}

impl Server {
    /// Starts a server on this database and waits until it answers. `settings` are FLUXBASE_ names
    /// without the prefix.
    pub fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        Self::start_as(database, "fluxbase_app", settings)
    }

    /// As [`Server::start`], with another login.
    pub fn start_as(database: &Database, login: &str, settings: &[(&str, &str)]) -> Self {
        let named = settings.iter().find(|(name, _)| *name == "SERVER_ADDRESS");
        let port = named
            .and_then(|(_, address)| address.rsplit(':').next()?.parse().ok())
            .unwrap_or_else(free_port);
        let log = std::env::temp_dir().join(format!("fluxbase-tests-server-{port}.log"));
        let stderr = File::create(&log).expect("a log file");
        let mut command = Self::command(database, login, port, settings);
        command.stderr(stderr);
        let child = command.spawn().expect("the server starts");
        at_end(&format!(
            "kill -9 {} 2>/dev/null; rm -f {}",
            child.id(),
            quoted(&log)
        ));
        let mut server = Self { child, log, port };
        server.wait();
        server
    }

    fn command(database: &Database, login: &str, port: u16, settings: &[(&str, &str)]) -> Command {
        let url = database.fixture.cluster.url(login, &database.name);
        let mut command = Command::new(server_binary());
        command
            .arg("serve")
            // Away from any fluxbase.yaml.
            .current_dir("/")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FLUXBASE_DATABASE_URL", url)
            .env("FLUXBASE_SERVER_ADDRESS", format!("127.0.0.1:{port}"))
            .env("FLUXBASE_DATABASE_MAX_CONNECTIONS", "8")
            // All tests come from one address; those of the limits switch them on.
            .env("FLUXBASE_RATE_LIMITING_ENABLED", "false")
            .env("FLUXBASE_DATABASE_EXECUTOR", executor())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        for (name, value) in settings {
            command.env(format!("FLUXBASE_{name}"), value);
        }
        command
    }

    /// Starts a server that is expected to refuse; what it says.
    pub fn refused(database: &Database, login: &str) -> String {
        Self::refused_with(database, login, &[])
    }

    /// As [`Server::refused`], with settings.
    pub fn refused_with(database: &Database, login: &str, settings: &[(&str, &str)]) -> String {
        let mut child = Self::command(database, login, free_port(), settings)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut said = child.stderr.take().expect("a pipe");
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a status") {
                break status;
            }
            if began.elapsed() > Duration::from_secs(20) {
                child.kill().expect("killed");
                panic!("the server serves as {login}");
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!status.success(), "it ended without an error");
        let mut text = String::new();
        said.read_to_string(&mut text).expect("text");
        text
    }

    /// `fluxbase migrate`, as an administrator runs it before the first start.
    pub fn migrate(database: &Database) {
        Self::migrate_with(database, &[]);
    }

    /// As [`Server::migrate`], with settings.
    pub fn migrate_with(database: &Database, settings: &[(&str, &str)]) {
        let cluster = &database.fixture.cluster;
        let settings = settings
            .iter()
            .map(|(name, value)| (format!("FLUXBASE_{name}"), value));
        let output = Command::new(server_binary())
            .arg("migrate")
            .current_dir("/")
            .env_clear()
            .env(
                "FLUXBASE_DATABASE_URL",
                cluster.url("fluxbase_app", &database.name),
            )
            .env(
                "FLUXBASE_DATABASE_ADMIN_URL",
                cluster.url("postgres", &database.name),
            )
            .envs(settings)
            .output()
            .expect("migrate runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn wait(&mut self) {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("the server ended with {status}: {}", self.log_tail(20));
            }
            if self
                .get("/")
                .try_send()
                .is_ok_and(|answer| answer.status == 200)
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server does not answer: {}", self.log_tail(20));
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The process, to send it signals.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The last lines it wrote.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// A GET.
    pub fn get(&self, target: &str) -> Request {
        Request::new(self.port, "GET", target)
    }

    /// A POST.
    pub fn post(&self, target: &str) -> Request {
        Request::new(self.port, "POST", target)
    }

    /// A PATCH.
    pub fn patch(&self, target: &str) -> Request {
        Request::new(self.port, "PATCH", target)
    }

    /// A PUT.
    pub fn put(&self, target: &str) -> Request {
        Request::new(self.port, "PUT", target)
    }

    /// A DELETE.
    pub fn delete(&self, target: &str) -> Request {
        Request::new(self.port, "DELETE", target)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!(
                "--- server on port {} said:\n{}",
                self.port,
                self.log_tail(12)
            );
        }
    }
}
