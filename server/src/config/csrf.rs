use super::given::Given;
use super::{ConfigError, Setting};
use zeroize::Zeroizing;

const SECRET: Setting = Setting::secret(
    "security.csrf_secret",
    "",
    "Switches cookies on: sign-ins set them beside their reply, and a request they speak for needs X-CSRF-Token unless it only reads. At least 32 characters, the same on every server.",
);

pub const SETTINGS: &[Setting] = &[SECRET];

const LEAST_CHARACTERS: usize = 32;

/// The secret that signs CSRF tokens. Has no `Debug` of its text.
#[derive(Clone)]
pub struct Csrf {
    /// The secret.
    pub secret: CsrfSecret,
}

/// Wiped when dropped.
#[derive(Clone)]
pub struct CsrfSecret(Zeroizing<String>);

impl CsrfSecret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Csrf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Csrf(…)")
    }
}

impl Csrf {
    /// With a secret that is long enough.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        (secret.chars().count() >= LEAST_CHARACTERS).then(|| Self {
            secret: CsrfSecret(Zeroizing::new(secret.to_owned())),
        })
    }

    pub(super) fn read(given: &Given) -> Result<Option<Self>, ConfigError> {
        match given.text(&SECRET) {
            "" => Ok(None),
            secret => Self::new(secret)
                .map(Some)
                .ok_or_else(|| given.malformed(SECRET.name, "expected at least 32 characters")),
        }
    }
}
