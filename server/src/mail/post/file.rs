//! For development: letters as files, and what one needs of them on the terminal.

use crate::clock;
use crate::config::ConfigError;
use crate::mail::letter::Letter;
use crate::mail::order::Order;
use fluxbase_rules::UnixSeconds;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A directory of `.eml` files, which any mail program opens.
pub struct Directory(PathBuf);

impl Directory {
    /// Makes it if it is not there, for nobody else to look into.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| ConfigError::Malformed {
                name: "email.directory".into(),
                origin: path.display().to_string(),
                why: format!("cannot make the directory: {error}"),
            })?;
        Ok(Self(path.to_owned()))
    }

    /// Writes one letter and prints its link or code.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn write(&self, order: &Order, letter: &Letter, now: UnixSeconds) -> io::Result<()> {
        let time = clock::rfc3339(now).replace(['-', ':'], "");
        let name = format!("{time}-{}-{}.eml", order.kind.name(), order.id);
        let temporary = self.0.join(format!(".{name}.new"));
        // Left over from a crash; it would keep its mode.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&letter.message.formatted())?;
        drop(file);
        // Whoever watches the directory never sees half a letter.
        fs::rename(&temporary, self.0.join(&name))?;
        if let Some(key) = &letter.key {
            // A terminal that is gone is no reason to send the mail again.
            let _ = writeln!(io::stdout(), "mail {}: {key}", order.kind.name());
        }
        Ok(())
    }
}
