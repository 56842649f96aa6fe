//! What the database wants sent, as it hands it out.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Whether the address of a new account is its owner's.
    ConfirmEmail,
    /// A link to choose a new password.
    PasswordReset,
    /// A link to sign in.
    MagicLink,
    /// A code to sign in.
    EmailOtp,
    /// Whether a new address is the owner's.
    EmailChange,
    /// A link to accept an account somebody made.
    Invitation,
    /// News: another password.
    NoticePasswordChanged,
    /// News: another address.
    NoticeEmailChanged,
    /// News: another second factor.
    NoticeFactorChanged,
    /// News: somebody signed up with an address that has an account.
    NoticeSignUp,
    /// A warning: wrong passwords until the address was locked.
    NoticeSignInLocked,
    /// A warning: wrong codes until the second factor was locked.
    NoticeFactorLocked,
    /// News: what an account had before its address was shown to be somebody's is gone.
    NoticePasswordRemoved,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ConfirmEmail,
        Self::PasswordReset,
        Self::MagicLink,
        Self::EmailOtp,
        Self::EmailChange,
        Self::Invitation,
        Self::NoticePasswordChanged,
        Self::NoticeEmailChanged,
        Self::NoticeFactorChanged,
        Self::NoticeSignUp,
        Self::NoticeSignInLocked,
        Self::NoticeFactorLocked,
        Self::NoticePasswordRemoved,
    ];

    /// As the database and the files of templates spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfirmEmail => "confirm_email",
            Self::PasswordReset => "password_reset",
            Self::MagicLink => "magic_link",
            Self::EmailOtp => "email_otp",
            Self::EmailChange => "email_change",
            Self::Invitation => "invitation",
            Self::NoticePasswordChanged => "notice_password_changed",
            Self::NoticeEmailChanged => "notice_email_changed",
            Self::NoticeFactorChanged => "notice_factor_changed",
            Self::NoticeSignUp => "notice_sign_up",
            Self::NoticeSignInLocked => "notice_sign_in_locked",
            Self::NoticeFactorLocked => "notice_factor_locked",
            Self::NoticePasswordRemoved => "notice_password_removed",
        }
    }
}

/// One mail to send. No `Debug`: a token in a log is a key on a doormat.
#[derive(Deserialize)]
pub struct Order {
    /// What it is reported under.
    pub id: Uuid,
    /// What it is about.
    pub kind: Kind,
    /// Where it goes; not looked at yet.
    pub to: String,
    /// What makes a link work.
    pub token: Option<String>,
    /// What is typed in.
    pub code: Option<String>,
    /// Where the link leads instead of our own page.
    pub redirect_to: Option<String>,
    /// For how long token or code are good.
    pub minutes: Option<u32>,
    /// Counted from one.
    pub attempt: u32,
}

/// Something that was handed out and cannot be understood.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What to report it under, if at least that can be read.
    pub id: Option<Uuid>,
}

impl Order {
    /// Reads what `auth.take_mail` gives.
    ///
    /// # Errors
    /// When a member is missing or the kind is one that this version does not know.
    pub fn read(json: Value) -> Result<Self, Unreadable> {
        let id = json
            .get("id")
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        serde_json::from_value(json).map_err(|_| Unreadable { id })
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Order};
    use serde_json::json;

    #[test]
    fn what_the_database_hands_out_is_read() {
        let id = "7f1c1a52-4c4e-4d0b-9a43-0d6f4c6f6f01";
        let order = Order::read(json!({
            "id": id, "kind": "email_otp", "to": "ann@example.com", "token": null,
            "code": "123456", "redirect_to": null, "minutes": 60, "attempt": 2
        }))
        .ok()
        .unwrap();
        assert_eq!(order.id.to_string(), id);
        assert_eq!(order.kind, Kind::EmailOtp);
        assert_eq!((order.minutes, order.attempt), (Some(60), 2));
        let unknown = json!({"id": id, "kind": "chain_letter", "to": "a@b.c", "attempt": 1});
        let unreadable = Order::read(unknown).err().unwrap();
        assert_eq!(unreadable.id.map(|id| id.to_string()), Some(id.to_owned()));
        assert_eq!(Order::read(json!("?")).err().unwrap().id, None);
    }

    #[test]
    fn every_kind_is_read_under_its_name() {
        for kind in Kind::ALL {
            assert_eq!(
                serde_json::from_value::<Kind>(json!(kind.name())).unwrap(),
                kind
            );
        }
    }
}
