use crate::error::Failure;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Body of sign-up and sign-in. Fields of features that are not offered (captcha, challenge) and
/// fields a client may not set (`app_metadata`) are passed over, as clients send them always.
#[derive(Deserialize)]
struct Body<'a> {
    email: Option<String>,
    password: Option<String>,
    #[serde(borrow)]
    user_metadata: Option<&'a RawValue>,
}

/// What somebody signs in or up with. Has no `Debug`.
pub struct Credentials {
    /// As typed.
    pub email: String,
    /// As typed.
    pub password: String,
    /// A JSON object, checked; `{}` when absent.
    pub user_metadata: String,
}

impl Credentials {
    /// Reads the body.
    ///
    /// # Errors
    /// Names the field that is wrong, never its value.
    pub fn read(body: &[u8]) -> Result<Self, Failure> {
        let parsed: Body<'_> = serde_json::from_slice(body).map_err(|_| {
            Failure::BodyMalformed(
                "The body must be a JSON object with the texts email and password",
            )
        })?;
        let missing = Failure::BodyMalformed("The fields email and password are required");
        let (Some(email), Some(password)) = (parsed.email, parsed.password) else {
            return Err(missing);
        };
        if email.is_empty() || password.is_empty() {
            return Err(missing);
        }
        if email.contains('\0') || password.contains('\0') {
            return Err(Failure::BodyMalformed(
                "The fields email and password must not hold a NUL character",
            ));
        }
        let user_metadata = parsed.user_metadata.map_or("{}", RawValue::get);
        if !matches!(user_metadata.as_bytes().first(), Some(b'{')) && user_metadata != "null" {
            return Err(Failure::BodyMalformed("user_metadata must be an object"));
        }
        Ok(Self {
            email,
            password,
            user_metadata: match user_metadata {
                "null" => "{}".to_owned(),
                object => object.to_owned(),
            },
        })
    }
}

/// Body of a refresh.
#[derive(Deserialize)]
struct Refresh {
    refresh_token: Option<String>,
}

/// The refresh token of a body.
///
/// # Errors
/// When it is no object with that text.
pub fn refresh_token(body: &[u8]) -> Result<String, Failure> {
    let parsed: Refresh = serde_json::from_slice(body).map_err(|_| {
        Failure::BodyMalformed("The body must be a JSON object with the text refresh_token")
    })?;
    parsed
        .refresh_token
        .filter(|token| !token.is_empty() && !token.contains('\0'))
        .ok_or(Failure::BodyMalformed(
            "The field refresh_token is required",
        ))
}
