//! Passwords judged and hashed: by the worker, or here in a thread that steps back.

use crate::aside;
use crate::error::Failure;
use crate::hash_memory::HashMemory;
#[cfg(target_os = "linux")]
use crate::hasher;
use fluxbase_rules::password::{self, Computation, Digest, HashError, Params, Verdict};

/// Compares a password with a stored hash, or with nothing in the same time.
pub fn verify(password: &str, stored: Option<&str>, current: Params) -> Result<Verdict, Failure> {
    if let Some(computation) = Computation::of_stored(stored, current) {
        let digest = run(&computation, password)?;
        return Ok(Computation::compare(stored, current, &digest));
    }
    // Imported, of another kind or of another length.
    let sized_for = stored
        .and_then(|stored| password::params_of(stored).ok())
        .unwrap_or(current);
    let mut memory = HashMemory::take();
    password::reserve(&mut memory, sized_for).map_err(|error| failed(error.into()))?;
    aside::compute(|| password::verify(password, stored, current, &mut memory))?.map_err(failed)
}

/// Hashes a password for storing.
pub fn hash(password: &str, salt: &[u8; 16], params: Params) -> Result<String, Failure> {
    let computation = Computation::of_new(salt, params);
    Ok(computation.written(&run(&computation, password)?))
}

fn run(computation: &Computation, password: &str) -> Result<Digest, Failure> {
    #[cfg(target_os = "linux")]
    if let Some(digest) = hasher::ask(computation, password) {
        return Ok(digest);
    }
    let mut memory = HashMemory::take();
    password::reserve(&mut memory, computation.params()).map_err(|error| failed(error.into()))?;
    aside::compute(|| computation.run(password, &mut memory))?.map_err(failed)
}

fn failed(error: HashError) -> Failure {
    match error {
        HashError::OutOfMemory => {
            Failure::new(*b"FX009", "not enough memory to hash a password now")
        }
        HashError::Failed => Failure::broken("password hashing failed"),
    }
}
