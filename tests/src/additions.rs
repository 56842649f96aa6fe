//! Extensions of others, unpacked into a private PostgreSQL where there is a package of them.

use std::path::Path;
use std::process::{Command, Stdio};

/// What `deploy/addition` unpacks, and its library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition {
    /// Writes down what is done.
    Pgaudit,
    /// Places and shapes.
    Postgis,
}

impl Addition {
    fn name(self) -> &'static str {
        match self {
            Self::Pgaudit => "pgaudit",
            Self::Postgis => "postgis",
        }
    }

    fn library(self) -> &'static str {
        match self {
            Self::Pgaudit => "pgaudit.so",
            Self::Postgis => "postgis-3.so",
        }
    }

    /// Whether it is in this server root, or could be put there.
    pub fn is_in(self, root: &Path) -> bool {
        let found = || {
            ["lib", "lib/postgresql"]
                .iter()
                .any(|path| root.join(path).join(self.library()).exists())
        };
        if found() {
            return true;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/addition");
        let _ = Command::new(script)
            .args([&major(root), self.name()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        found()
    }

    /// Whether tests with it have to run: Debian has packages of it for its own PostgreSQL 15, and there it must be. For
    /// the other majors there may be none, and then nothing can be said about them.
    pub fn is_wanted(self, root: &Path) -> bool {
        self.is_in(root) || root.ends_with("postgresql/15")
    }
}

/// The major version of a server root.
pub fn major(root: &Path) -> String {
    let output = Command::new(root.join("bin/pg_config"))
        .arg("--version")
        .output()
        .expect("pg_config runs");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.chars().take_while(char::is_ascii_digit).collect()
}
