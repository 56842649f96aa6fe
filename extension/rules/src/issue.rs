//! What the tokens we sign contain, as JSON text ready for [`crate::SigningKey::sign`].

use crate::{UnixSeconds, error::JsonFault, json, uuid};
use thiserror::Error;

/// Longest `user_metadata` or `app_metadata`, in bytes of JSON. Two of these, the other claims and
/// base64 stay well inside the size a token may have; more belongs into a table.
pub const MAX_METADATA_BYTES: usize = 2048;

/// Why a payload could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IssueError {
    /// Longer than [`MAX_METADATA_BYTES`].
    #[error("{0} is longer than {MAX_METADATA_BYTES} bytes")]
    MetadataTooLong(&'static str),
    /// Not a JSON object that a token may carry.
    #[error("{0} {1}")]
    Metadata(&'static str, JsonFault),
    /// A lifetime below one second, or an end no clock can show.
    #[error("token lifetime is out of range")]
    Lifetime,
}

/// What is common to every token.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`, written as an array of one.
    pub audience: &'a str,
    /// `jti`: a fresh UUID, in the order of time: whoever looks for one among a million revoked reads pages that the last
    /// look has read.
    pub token_id: [u8; 16],
    /// `iat` and `nbf`.
    pub now: UnixSeconds,
    /// `exp` is `now` plus this.
    pub lifetime_seconds: i64,
}

/// The user a token is for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// `sub` and `user_id`; absent when an administrator acts as a role.
    pub user_id: Option<[u8; 16]>,
    /// `session_id`.
    pub session_id: [u8; 16],
    /// `email`; left out when empty.
    pub email: &'a str,
    /// The application role.
    pub role: &'a str,
    /// `is_anonymous`; left out when false.
    pub is_anonymous: bool,
    /// `impersonated_by`: the administrator acting as this user.
    pub impersonated_by: Option<[u8; 16]>,
    /// `epoch` of the session when the token was signed: a change of role or address raises it, and tokens of an
    /// earlier one are refused.
    pub epoch: i32,
    /// `aal`: `aal2` when a second factor was shown in this session, else `aal1` (names of NIST SP 800-63B).
    pub second_factor: bool,
}

/// The roles an API key can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyRole {
    /// The public key that browsers carry.
    Anon,
    /// The key of the operator's own servers.
    ServiceRole,
}

impl ApiKeyRole {
    /// Reads the name; no other role can be minted.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Anon, Self::ServiceRole]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// The value of the `role` claim.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::ServiceRole => "service_role",
        }
    }
}

/// The payload of an access token.
///
/// `user_metadata` and `app_metadata` are JSON objects as text, copied byte for byte, so that
/// numbers keep the digits PostgreSQL gave them.
///
/// # Errors
/// See [`IssueError`].
pub fn access_payload(
    common: &Common<'_>,
    subject: &Subject<'_>,
    user_metadata: &str,
    app_metadata: &str,
) -> Result<String, IssueError> {
    let mut payload = user_payload(common, subject, "access")?;
    payload.json("user_metadata", metadata("user_metadata", user_metadata)?);
    payload.json("app_metadata", metadata("app_metadata", app_metadata)?);
    Ok(payload.end())
}

/// The payload of a refresh token: as the access token, without the metadata, which is read anew
/// from the database at each refresh.
///
/// # Errors
/// See [`IssueError`].
pub fn refresh_payload(common: &Common<'_>, subject: &Subject<'_>) -> Result<String, IssueError> {
    user_payload(common, subject, "refresh").map(Payload::end)
}

/// The payload of an API key: a role, no user.
///
/// # Errors
/// See [`IssueError`].
pub fn api_key_payload(common: &Common<'_>, role: ApiKeyRole) -> Result<String, IssueError> {
    let mut payload = Payload::begin(common)?;
    payload.text("user_id", "");
    payload.text("role", role.name());
    payload.text("token_type", "access");
    Ok(payload.end())
}

fn user_payload(
    common: &Common<'_>,
    subject: &Subject<'_>,
    kind: &str,
) -> Result<Payload, IssueError> {
    let mut payload = Payload::begin(common)?;
    if let Some(user_id) = &subject.user_id {
        payload.text("sub", &uuid::format(user_id));
    }
    let user_id = subject.user_id.as_ref().map(uuid::format);
    payload.text("user_id", user_id.as_deref().unwrap_or_default());
    if !subject.email.is_empty() {
        payload.text("email", subject.email);
    }
    payload.text("role", subject.role);
    payload.text("session_id", &uuid::format(&subject.session_id));
    payload.text("token_type", kind);
    payload.json("epoch", &subject.epoch.to_string());
    payload.text(
        "aal",
        if subject.second_factor {
            "aal2"
        } else {
            "aal1"
        },
    );
    if subject.is_anonymous {
        payload.json("is_anonymous", "true");
    }
    if let Some(administrator) = subject.impersonated_by {
        payload.text("impersonated_by", &uuid::format(&administrator));
    }
    Ok(payload)
}

/// Metadata that a token can carry and be read again: to be asked before it is stored, or its user could not sign in any
/// more. Numbers are any that PostgreSQL's jsonb holds.
///
/// # Errors
/// [`IssueError::MetadataTooLong`] or [`IssueError::Metadata`].
pub fn metadata<'a>(claim: &'static str, text: &'a str) -> Result<&'a str, IssueError> {
    if text.len() > MAX_METADATA_BYTES {
        return Err(IssueError::MetadataTooLong(claim));
    }
    // The payload is the first level.
    json::sound_object(text, 2).map_err(|fault| IssueError::Metadata(claim, fault))
}

struct Payload(String);

impl Payload {
    fn begin(common: &Common<'_>) -> Result<Self, IssueError> {
        let expires_at = Some(common.lifetime_seconds)
            .filter(|seconds| *seconds > 0)
            .and_then(|seconds| common.now.checked_add(seconds))
            .filter(|end| common.now >= 0 && *end <= crate::claims::LAST_SECOND)
            .ok_or(IssueError::Lifetime)?;
        let mut payload = Self(String::with_capacity(640));
        payload.text("iss", common.issuer);
        payload.json("aud", &format!("[{}]", quoted(common.audience)));
        payload.json("iat", &common.now.to_string());
        payload.json("nbf", &common.now.to_string());
        payload.json("exp", &expires_at.to_string());
        payload.text("jti", &uuid::format(&common.token_id));
        Ok(payload)
    }

    fn text(&mut self, name: &str, value: &str) {
        self.json(name, &quoted(value));
    }

    fn json(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(value);
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
