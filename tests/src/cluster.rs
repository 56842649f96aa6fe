//! A private cluster on a free port, gone with the process that made it.

use crate::environment::{cluster_script, postgres_root};
use crate::janitor::{at_end, quoted};
use postgres::{Client, Config, NoTls};
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A running (or for the moment stopped) cluster.
pub struct Cluster {
    /// The server root it runs on.
    pub root: PathBuf,
    /// Data and sockets live below it.
    pub directory: PathBuf,
    /// On 127.0.0.1.
    pub port: u16,
}

/// A port nobody listens on at this moment, and none that the kernel gives to whoever connects somewhere: one of those was
/// taken between this look and the start of a server.
pub fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Other test processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .find_map(|_| {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let port = FIRST + begin.wrapping_add(step) % COUNT;
            let listener = TcpListener::bind(("127.0.0.1", u16::try_from(port).ok()?)).ok()?;
            Some(listener.local_addr().ok()?.port())
        })
        .expect("a free port")
}

/// Memory, where there is enough of it: making a database is making three hundred files, which on a disk takes eight times
/// as long, and the tests make a thousand.
fn room_for_clusters() -> PathBuf {
    const WANTED_KIB: u64 = 2 << 20;
    let memory = Path::new("/dev/shm");
    let free = Command::new("df")
        .args(["-k", "--output=avail"])
        .arg(memory)
        .output()
        .ok()
        .and_then(|said| {
            let said = String::from_utf8(said.stdout).ok()?;
            said.lines().nth(1)?.trim().parse::<u64>().ok()
        });
    if free.is_some_and(|kib| kib >= WANTED_KIB) {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

static CLUSTERS: AtomicU32 = AtomicU32::new(0);

impl Cluster {
    /// Makes and starts a cluster; `settings` are lines for postgresql.conf.
    pub fn start(settings: &str) -> Self {
        let (root, script) = (postgres_root(), cluster_script());
        let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let directory =
            room_for_clusters().join(format!("fluxbase-tests-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).expect("a directory for the cluster");
        let cluster = Self {
            root,
            directory,
            port: free_port(),
        };
        at_end(&format!("rm -rf {}", quoted(&cluster.directory)));
        at_end(&format!(
            "{} stop {} {} {}",
            quoted(&script),
            quoted(&cluster.directory),
            quoted(&cluster.root),
            cluster.port
        ));
        let settings = format!(
            "logging_collector = on\nlog_directory = 'log'\nlog_filename = 'tests.log'\n\
             fsync = off\nfull_page_writes = off\nmax_connections = 120\n\
             max_prepared_transactions = 8\n{settings}\n"
        );
        cluster.run("init", &settings);
        cluster.run("start", "");
        cluster
    }

    fn run(&self, act: &str, input: &str) {
        let complaints = std::env::temp_dir().join(format!("fluxbase-tests-{}.err", self.port));
        // A file and not a pipe: the server started by it would keep the pipe open.
        let stderr = fs::File::create(&complaints).expect("a file for complaints");
        let mut child = Command::new(cluster_script())
            .arg(act)
            .arg(&self.directory)
            .arg(&self.root)
            .arg(self.port.to_string())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .expect("the cluster script starts");
        // Should this process die now, the script goes on; cleaning up waits for it, ten seconds at most.
        at_end(&format!(
            "for _ in {{1..100}}; do kill -0 {} 2>/dev/null || break; sleep 0.1; done",
            child.id()
        ));
        let mut pipe = child.stdin.take().expect("a pipe");
        // A script that does not read its input has closed it already.
        let _ = pipe.write_all(input.as_bytes());
        drop(pipe);
        let status = child.wait().expect("the cluster script ends");
        let said = fs::read_to_string(&complaints).unwrap_or_default();
        let _ = fs::remove_file(&complaints);
        assert!(
            status.success(),
            "cluster {act} failed: {said}\n{}",
            self.log_tail(20)
        );
    }

    /// Stops the server; the data stay.
    pub fn stop(&self) {
        self.run("stop", "");
    }

    /// Starts it again.
    pub fn restart(&self) {
        self.run("start", "");
    }

    /// How to connect, not connected yet.
    pub fn config(&self, user: &str, database: &str) -> Config {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.port)
            .user(user)
            .dbname(database)
            .connect_timeout(std::time::Duration::from_secs(10));
        config
    }

    /// A session.
    pub fn connect(&self, user: &str, database: &str) -> Client {
        self.config(user, database)
            .connect(NoTls)
            .unwrap_or_else(|error| panic!("{user} cannot connect to {database}: {error:?}"))
    }

    /// A postgres:// address.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// A program of the server root, pointed at this cluster as the superuser.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.root.join("bin").join(name));
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", "postgres");
        command
    }

    /// The last lines of the server's log.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = find(&self.directory, "tests.log").and_then(|path| fs::read(path).ok());
        let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(directory).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|found| found == name) {
            return Some(path);
        }
        let below = path.is_dir() && !path.ends_with("base");
        if let Some(found) = below.then(|| find(&path, name)).flatten() {
            return Some(found);
        }
    }
    None
}
