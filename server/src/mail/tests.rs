mod config;
mod files;
mod letters;
mod smtp;

use super::letter::{Refusal, Writer};
use super::order::{Kind, Order};
use super::texts::Texts;
use crate::config::{Config, Environment};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// 2026-11-24 10:55:00 UTC.
const NOW: i64 = 1_795_517_700;

/// A mail of this kind as the database would hand it out, with a token that has to be encoded.
pub fn order(kind: Kind) -> Order {
    Order {
        id: "7f1c1a52-4c4e-4d0b-9a43-0d6f4c6f6f01".parse().unwrap(),
        kind,
        to: "ann@example.com".into(),
        token: Some("to+ken".into()),
        code: (kind == Kind::EmailOtp).then(|| "123456".into()),
        redirect_to: None,
        minutes: Some(60),
        attempt: 1,
    }
}

/// A directory of its own, gone with the value.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fluxbase-mail-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load(yaml: &str) -> Result<Config, String> {
    Config::from_text(yaml, &Environment::default(), Vec::new()).map_err(|error| error.to_string())
}

fn writer(yaml: &str, templates: Option<&Path>) -> Writer {
    let email = load(yaml).unwrap().email;
    Writer::new(&email, Texts::load(templates).unwrap())
}

fn written(writer: &Writer, order: &Order) -> Result<String, Refusal> {
    let letter = writer.write(order, NOW)?;
    Ok(String::from_utf8(letter.message.formatted()).unwrap())
}
