//! The login. Pure: PostgreSQL's messages in, ours out.

use super::message::{Key, Login, Message, Standing};
use crate::db::error::DbError;
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, ChannelBinding, ScramSha256};
use postgres_protocol::message::frontend;

/// The most rounds of hashing that are done for a server: it names their number, and a thread does nothing else
/// meanwhile. PostgreSQL's default is 4,096; this many take a fifth of a second.
const ROUNDS: u32 = 1_000_000;

/// Who logs in, and what with.
pub struct Account<'a> {
    /// The role.
    pub user: &'a str,
    /// Its password, if there is one.
    pub password: Option<&'a [u8]>,
    /// What the server's certificate is known by, on an encrypted connection.
    pub certificate: Option<Vec<u8>>,
    /// Whether a login that does not prove the certificate is good enough.
    pub binding_required: bool,
}

/// A login under way.
pub struct Startup<'a> {
    account: Account<'a>,
    scram: Option<(ScramSha256, bool)>,
    welcome: bool,
    key: Option<Key>,
}

/// Writes the first message.
///
/// # Errors
/// When a parameter holds a NUL.
pub fn begin(out: &mut BytesMut, parameters: &[(&str, &str)]) -> Result<(), DbError> {
    frontend::startup_message(parameters.iter().copied(), out).map_err(unwritable)
}

impl<'a> Startup<'a> {
    /// Nothing was said yet.
    pub fn new(account: Account<'a>) -> Self {
        Self {
            account,
            scram: None,
            welcome: false,
            key: None,
        }
    }

    /// Takes a message and writes what it is answered with; `true` when the session is ready.
    ///
    /// # Errors
    /// When there will be no session.
    pub fn take(&mut self, message: Message, out: &mut BytesMut) -> Result<bool, DbError> {
        match message {
            Message::Aside => {}
            Message::Refused(refusal) => return Err(unreachable(&refusal.message)),
            Message::Login(Login::Welcome) => self.welcome()?,
            Message::Login(login) if !self.welcome => self.prove(login, out)?,
            Message::Key(key) if self.welcome => self.key = Some(key),
            Message::Ready(Standing::Idle) if self.welcome => return Ok(true),
            _ => return Err(DbError::Protocol("a message out of turn at login".into())),
        }
        Ok(false)
    }

    /// What cancels the session.
    pub fn key(&self) -> Option<Key> {
        self.key
    }

    fn welcome(&mut self) -> Result<(), DbError> {
        // SCRAM is mutual: who does not know the password's hash is not the server we meant.
        if self.scram.is_some() {
            return Err(unreachable(
                "PostgreSQL did not finish its proof of the password",
            ));
        }
        if self.account.binding_required && !self.welcome {
            return Err(unreachable("PostgreSQL did not prove its certificate"));
        }
        self.welcome = true;
        Ok(())
    }

    fn prove(&mut self, login: Login, out: &mut BytesMut) -> Result<(), DbError> {
        let password = self.account.password.ok_or_else(|| {
            unreachable("PostgreSQL asks for a password, and database.url has none")
        });
        match (login, &mut self.scram) {
            (Login::Sasl(mechanisms), None) => {
                let scram = self.choose(&mechanisms, password?)?;
                let (mechanism, scram, bound) = scram;
                frontend::sasl_initial_response(mechanism, scram.message(), out)
                    .map_err(unwritable)?;
                self.scram = Some((scram, bound));
            }
            (Login::SaslNext(question), Some((scram, _))) => {
                if rounds(&question).is_none_or(|rounds| rounds > ROUNDS) {
                    return Err(unreachable(
                        "PostgreSQL asks for too many rounds of hashing",
                    ));
                }
                scram.update(&question).map_err(unproven)?;
                frontend::sasl_response(scram.message(), out).map_err(unwritable)?;
            }
            (Login::SaslLast(word), Some((scram, bound))) => {
                scram.finish(&word).map_err(unproven)?;
                self.account.binding_required &= !*bound;
                self.scram = None;
            }
            (Login::Plain, None) if !self.account.binding_required => {
                frontend::password_message(password?, out).map_err(unwritable)?;
            }
            (Login::Md5(salt), None) if !self.account.binding_required => {
                let hash = md5_hash(self.account.user.as_bytes(), password?, salt);
                frontend::password_message(hash.as_bytes(), out).map_err(unwritable)?;
            }
            (Login::Other(kind), _) => {
                return Err(unreachable(&format!(
                    "PostgreSQL asks for a way to log in that is not spoken here ({kind})"
                )));
            }
            _ => {
                return Err(unreachable(
                    "PostgreSQL asks for too weak a proof, or out of turn",
                ));
            }
        }
        Ok(())
    }

    fn choose(
        &self,
        mechanisms: &[u8],
        password: &[u8],
    ) -> Result<(&'static str, ScramSha256, bool), DbError> {
        let offers = |name: &str| {
            mechanisms
                .split(|byte| *byte == 0)
                .any(|one| one == name.as_bytes())
        };
        match &self.account.certificate {
            Some(certificate) if offers(sasl::SCRAM_SHA_256_PLUS) => {
                let binding = ChannelBinding::tls_server_end_point(certificate.clone());
                let scram = ScramSha256::new(password, binding);
                Ok((sasl::SCRAM_SHA_256_PLUS, scram, true))
            }
            _ if self.account.binding_required || !offers(sasl::SCRAM_SHA_256) => Err(unreachable(
                "PostgreSQL offers no way to prove a password that is good enough",
            )),
            // Told to the server, which knows what it offered: somebody in between who struck it out is found.
            Some(_) => {
                let scram = ScramSha256::new(password, ChannelBinding::unrequested());
                Ok((sasl::SCRAM_SHA_256, scram, false))
            }
            None => {
                let scram = ScramSha256::new(password, ChannelBinding::unsupported());
                Ok((sasl::SCRAM_SHA_256, scram, false))
            }
        }
    }
}

/// How often the server wants the password to be hashed: `r=…,s=…,i=4096`.
fn rounds(question: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(question).ok()?;
    let rounds = text.split(',').find_map(|part| part.strip_prefix("i="))?;
    rounds.parse().ok()
}

fn unreachable(reason: &str) -> DbError {
    DbError::Unreachable(reason.to_owned())
}

fn unproven(error: std::io::Error) -> DbError {
    DbError::Unreachable(format!("the login failed: {error}"))
}

fn unwritable(error: std::io::Error) -> DbError {
    DbError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests;
