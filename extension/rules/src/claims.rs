//! What a payload says, its shape checked once and kept.

use crate::{
    DatabaseRole, UnixSeconds,
    error::{JsonFault, Part, Refusal},
    json::{self, Value},
    uuid,
};

/// 9999-12-31T23:59:59Z, the last second PostgreSQL and every client library can print.
pub(crate) const LAST_SECOND: i64 = 253_402_300_799;

/// The claims of one token, or of one trusted setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user (`sub`, RFC 7519 section 4.1.2). Absent for API keys and anonymous visitors.
    pub sub: Option<[u8; 16]>,
    /// The application role as written; empty when the claim is absent.
    pub role: String,
    /// The address of the user; absent when empty.
    pub email: Option<String>,
    /// The session the token belongs to.
    pub session_id: Option<[u8; 16]>,
    /// The token's own id (`jti`), by which it can be revoked.
    pub jti: Option<String>,
    /// `exp`: from this second on the token is refused. `i64::MAX` for trusted claims, which need none.
    pub expires_at: UnixSeconds,
    /// `nbf`: before this second the token is refused.
    pub not_before: Option<UnixSeconds>,
    /// `iat`, compared with the time before which all tokens of a user are revoked.
    pub issued_at: Option<UnixSeconds>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`, one or several.
    pub audience: Option<Vec<String>>,
    /// `epoch` of the session when the token was signed; 0 when absent.
    pub epoch: i64,
    /// `impersonated_by`: the administrator who acts as the subject.
    pub impersonated_by: Option<[u8; 16]>,
    /// `token_type`: `access` or `refresh`.
    pub token_type: Option<String>,
    /// The payload exactly as signed, or exactly as set.
    pub json: Box<str>,
}

impl Claims {
    /// The database role these claims act as.
    #[must_use]
    pub fn database_role(&self) -> DatabaseRole {
        DatabaseRole::from_application_role(&self.role)
    }

    /// Reads claims that a trusted session set as text. No signature and no `exp` is asked for,
    /// and a role without a user is allowed (`{"role":"admin"}` in a test); the shapes are those
    /// of a token, because a malformed `sub` that quietly reads as NULL opens every policy written
    /// with `is not distinct from`.
    ///
    /// The empty text, which is how PostgreSQL spells a setting that was never set, is not claims:
    /// the caller decides what it means.
    ///
    /// # Errors
    /// [`Refusal::Json`] or [`Refusal::ClaimMalformed`].
    pub fn from_trusted_json(json: &str) -> Result<Self, Refusal> {
        Self::read(json.as_bytes())
    }

    /// Reads a payload whose signature holds.
    pub(crate) fn from_signed_json(payload: &[u8]) -> Result<Self, Refusal> {
        let claims = Self::read(payload)?;
        if claims.expires_at == i64::MAX {
            return Err(Refusal::ClaimMissing("exp"));
        }
        if claims.sub.is_none() && claims.database_role() == DatabaseRole::Authenticated {
            return Err(Refusal::SubjectMissing);
        }
        Ok(claims)
    }

    fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let mut claims = Self {
            sub: None,
            role: String::new(),
            email: None,
            session_id: None,
            jti: None,
            expires_at: i64::MAX,
            not_before: None,
            issued_at: None,
            issuer: None,
            audience: None,
            epoch: 0,
            impersonated_by: None,
            token_type: None,
            json: Box::default(),
        };
        let mut refusal = None;
        let json = json::walk(payload, |name, value| {
            if let Err(reason) = claims.take(name, value) {
                refusal.get_or_insert(reason);
            }
        })
        .map_err(|fault: JsonFault| Refusal::Json(Part::Payload, fault))?;
        if let Some(reason) = refusal {
            return Err(reason);
        }
        claims.json = json.into();
        Ok(claims)
    }

    fn take(&mut self, name: &str, value: Value<'_>) -> Result<(), Refusal> {
        match name {
            "sub" => self.sub = id("sub", value)?,
            "impersonated_by" => self.impersonated_by = id("impersonated_by", value)?,
            "session_id" => self.session_id = id("session_id", value)?,
            "role" => self.role = text("role", value)?,
            "email" => self.email = Some(text("email", value)?).filter(|email| !email.is_empty()),
            "jti" => self.jti = Some(text("jti", value)?),
            "iss" => self.issuer = Some(text("iss", value)?),
            "epoch" => match value {
                Value::Integer(epoch) => self.epoch = epoch,
                _ => return Err(Refusal::ClaimMalformed("epoch")),
            },
            "token_type" => self.token_type = Some(text("token_type", value)?),
            "aud" => {
                self.audience = Some(match value {
                    Value::Text(one) => vec![one.into_owned()],
                    Value::Texts(several) => several
                        .into_iter()
                        .map(std::borrow::Cow::into_owned)
                        .collect(),
                    _ => return Err(Refusal::ClaimMalformed("aud")),
                });
            }
            // Rounded so that a fraction never lengthens a life.
            "exp" => self.expires_at = second("exp", value, f64::floor)?,
            "nbf" => self.not_before = Some(second("nbf", value, f64::ceil)?),
            "iat" => self.issued_at = Some(second("iat", value, f64::floor)?),
            _ => {}
        }
        Ok(())
    }
}

fn text(claim: &'static str, value: Value<'_>) -> Result<String, Refusal> {
    match value {
        Value::Text(text) => Ok(text.into_owned()),
        _ => Err(Refusal::ClaimMalformed(claim)),
    }
}

/// A UUID, or nothing when empty.
fn id(claim: &'static str, value: Value<'_>) -> Result<Option<[u8; 16]>, Refusal> {
    match value {
        Value::Text(text) if text.is_empty() => Ok(None),
        Value::Text(text) => uuid::parse(&text)
            .map(Some)
            .ok_or(Refusal::ClaimMalformed(claim)),
        _ => Err(Refusal::ClaimMalformed(claim)),
    }
}

/// A NumericDate (RFC 7519 section 2) between 1970 and 9999.
fn second(
    claim: &'static str,
    value: Value<'_>,
    round: fn(f64) -> f64,
) -> Result<UnixSeconds, Refusal> {
    let seconds = match value {
        Value::Integer(seconds) => seconds,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "within 2^53, rounded"
        )]
        Value::Float(seconds) if (0.0..=LAST_SECOND as f64).contains(&seconds) => {
            round(seconds) as i64
        }
        _ => return Err(Refusal::ClaimMalformed(claim)),
    };
    if (0..=LAST_SECOND).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(Refusal::ClaimMalformed(claim))
    }
}

#[cfg(test)]
mod tests;
