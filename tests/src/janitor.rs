//! Leaves nothing running. A shell in a process group of its own reads what is to be done at the end
//! from a pipe; the pipe closes when this process ends, by exit, panic, SIGINT, SIGTERM or SIGKILL, and
//! then it is done, newest first. A signal handler could not do that after SIGKILL.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock};

const SCRIPT: &str = r#"
trap '' INT TERM HUP
todo=()
while IFS= read -r line; do todo=("$line" "${todo[@]}"); done
for line in "${todo[@]}"; do eval "$line"; done
"#;

struct Janitor {
    child: Child,
    pipe: Option<ChildStdin>,
}

static JANITOR: OnceLock<Mutex<Janitor>> = OnceLock::new();

fn janitor() -> &'static Mutex<Janitor> {
    JANITOR.get_or_init(|| {
        let mut child = Command::new("bash")
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("bash starts");
        let pipe = child.stdin.take();
        Mutex::new(Janitor { child, pipe })
    })
}

/// A shell command to run when this process has ended. Arguments go through [`quoted`].
pub fn at_end(command: &str) {
    assert!(!command.contains('\n'), "one line per command");
    let mut janitor = janitor()
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(pipe) = &mut janitor.pipe {
        writeln!(pipe, "{command}").expect("the janitor listens");
    }
}

/// Does it all now and waits until it is done. Called once, as the last act.
pub fn finish() {
    if let Some(janitor) = JANITOR.get() {
        let mut janitor = janitor
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        drop(janitor.pipe.take());
        let _ = janitor.child.wait();
    }
}

/// A path as one word of the shell.
pub fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
