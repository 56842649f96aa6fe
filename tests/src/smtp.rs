//! A mail server that takes everything, to look at what arrives. It is aiosmtpd, in the environment that
//! `deploy/python` makes; what it receives it writes as one JSON file per mail.

use crate::janitor::{at_end, quoted};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How the receiver wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Never encrypted.
    Plain,
    /// Takes no mail before STARTTLS.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
}

impl Mode {
    /// As `email.smtp_security` spells it.
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "none",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
        }
    }
}

/// The one login it knows.
pub const USERNAME: &str = "fluxbase";
/// Its password.
pub const PASSWORD: &str = "a password for mail";

/// What arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Of the envelope.
    pub recipients: Vec<String>,
    /// Over TLS.
    pub encrypted: bool,
    /// Who had signed in, if anybody.
    pub login: Option<String>,
    /// Name and decoded value, in order.
    pub headers: Vec<(String, String)>,
    /// The text part, decoded.
    pub text: String,
    /// The HTML part, decoded.
    pub html: String,
}

impl Received {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn of(json: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |name: &str| json[name].as_array().cloned().unwrap_or_default();
        Self {
            recipients: list("recipients").iter().map(text).collect(),
            encrypted: json["encrypted"].as_bool().unwrap_or_default(),
            login: json["login"].as_str().map(str::to_owned),
            headers: list("headers")
                .iter()
                .map(|pair| (text(&pair[0]), text(&pair[1])))
                .collect(),
            text: text(&json["text"]),
            html: text(&json["html"]),
        }
    }
}

/// Killed when dropped.
pub struct Receiver {
    child: Child,
    directory: PathBuf,
    mode: Mode,
    /// On 127.0.0.1.
    pub port: u16,
}

const SCRIPT: &str = r#"
import asyncio, email, email.policy, json, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
directory, mode, username, password = sys.argv[1:5]
refusal = os.path.join(directory, "refusal")
count = 0
class Handler:
    async def handle_DATA(self, server, session, envelope):
        global count
        if os.path.exists(refusal):
            return open(refusal).read()
        message = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        def part(kind):
            found = message.get_body((kind,))
            return found.get_content() if found else ""
        count += 1
        name = os.path.join(directory, "%06d" % count)
        with open(name + ".new", "w") as file:
            json.dump({
                "recipients": envelope.rcpt_tos,
                "encrypted": mode == "tls" or session.ssl is not None,
                "login": session.auth_data,
                "headers": [[name, str(value)] for name, value in message.items()],
                "text": part("plain"),
                "html": part("html"),
            }, file)
        os.rename(name + ".new", name + ".json")
        return "250 2.0.0 taken"
def authenticate(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (username.encode(), password.encode())
    return AuthResult(success=known, handled=known, auth_data=username)
async def main():
    context = None
    if mode != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(directory, "server.pem"), os.path.join(directory, "server.key"))
    starttls = context if mode == "starttls" else None
    def session():
        return SMTP(Handler(), enable_SMTPUTF8=True, hostname="mail.test", tls_context=starttls,
                    require_starttls=starttls is not None, authenticator=authenticate,
                    auth_require_tls=starttls is not None)
    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

impl Receiver {
    /// Starts one on a free port.
    pub fn start(mode: Mode) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fluxbase-tests-smtp-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("a directory for mail");
        at_end(&format!("rm -rf {}", quoted(&directory)));
        if mode != Mode::Plain {
            certificates(&directory);
        }
        let log = fs::File::create(directory.join("log")).expect("a log file");
        let mut child = Command::new(python())
            .args(["-c", SCRIPT])
            .arg(&directory)
            .args([mode.name(), USERNAME, PASSWORD])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("Python starts");
        at_end(&format!("kill -9 {} 2>/dev/null", child.id()));
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("a pipe"));
        said.read_line(&mut line).expect("text");
        let port = line.trim().parse().unwrap_or_else(|_| {
            let log = fs::read_to_string(directory.join("log")).unwrap_or_default();
            panic!("the mail server did not start: {log}")
        });
        Self {
            child,
            directory,
            mode,
            port,
        }
    }

    /// FLUXBASE_ names without the prefix, and values, with which a server sends here. The login is
    /// left out: add `EMAIL_SMTP_USERNAME` and `EMAIL_SMTP_PASSWORD` where it matters.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let ca_file = match self.mode {
            Mode::Plain => String::new(),
            Mode::StartTls | Mode::Tls => self.directory.join("ca.pem").display().to_string(),
        };
        vec![
            ("EMAIL_TRANSPORT", "smtp".to_owned()),
            ("EMAIL_FROM_ADDRESS", "no-reply@app.example".to_owned()),
            ("EMAIL_SMTP_HOST", "127.0.0.1".to_owned()),
            ("EMAIL_SMTP_PORT", self.port.to_string()),
            ("EMAIL_SMTP_SECURITY", self.mode.name().to_owned()),
            ("EMAIL_SMTP_CA_FILE", ca_file),
        ]
    }

    /// From now on mails are answered with this line, as in `451 4.3.0 later`, or taken again.
    pub fn refuse(&self, answer: Option<&str>) {
        let refusal = self.directory.join("refusal");
        let Some(answer) = answer else {
            return fs::remove_file(refusal).expect("taken back");
        };
        let temporary = refusal.with_extension("new");
        fs::write(&temporary, answer).expect("a file");
        fs::rename(temporary, refusal).expect("renamed");
    }

    /// It stops answering, as a mail server behind a full queue does, or goes on where it was.
    pub fn hang(&self, hanging: bool) {
        let signal = if hanging { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Everything that arrived, oldest first.
    pub fn received(&self) -> Vec<Received> {
        let entries = fs::read_dir(&self.directory).expect("the directory for mail");
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "json"));
        paths.sort();
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).expect("a mail");
            Received::of(&serde_json::from_str(&text).expect("JSON"))
        };
        paths.iter().map(read).collect()
    }

    /// Waits until so many mails to this address have arrived; all mails to it.
    pub fn wait_for(&self, to: &str, count: usize) -> Vec<Received> {
        let began = Instant::now();
        loop {
            let mut all = self.received();
            all.retain(|mail| mail.recipients.iter().any(|recipient| recipient == to));
            if all.len() >= count {
                return all;
            }
            let waited = began.elapsed();
            assert!(waited.as_secs() < 20, "only {} mails to {to}", all.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The interpreter of the environment that `deploy/python` makes, which takes seconds the first time.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/python");
        let output = Command::new(script)
            .stderr(Stdio::inherit())
            .output()
            .expect("deploy/python starts");
        assert!(output.status.success(), "deploy/python failed");
        let directory = String::from_utf8(output.stdout).expect("a path");
        Path::new(directory.trim()).join("bin/python")
    })
}

/// An authority, and a certificate of it for 127.0.0.1 and localhost: a client that checks takes no
/// certificate that vouches for itself.
fn certificates(directory: &Path) {
    let make = |name: &str, more: &[&str]| {
        let output = Command::new("openssl")
            .args(["req", "-x509", "-days", "2", "-nodes"])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args([
                "-keyout",
                &format!("{name}.key"),
                "-out",
                &format!("{name}.pem"),
            ])
            .args(more)
            .current_dir(directory)
            .output()
            .expect("openssl starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl failed: {said}");
    };
    make("ca", &["-subj", "/CN=authority of the tests"]);
    let alternative = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    make(
        "server",
        &[
            "-subj",
            "/CN=localhost",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-addext",
            alternative,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ],
    );
}
