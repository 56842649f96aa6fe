//! The words of mails for whom nobody wrote others: short, and nothing in them is loaded from anywhere.

use super::order::Kind;

/// The words of one kind.
struct Words {
    subject: &'static str,
    /// What happened or is asked.
    opening: &'static str,
    /// What stands in the middle.
    middle: Middle,
    /// What else there is to know.
    closing: &'static str,
}

enum Middle {
    /// A link, and what it is called.
    Link(&'static str),
    /// A code.
    Code,
    /// News only.
    Nothing,
}

const NOT_YOU: &str = "The link works once, within {{minutes}} minutes. \
                       If you did not ask for this mail, ignore it: nothing changes.";
const CODE_NOT_YOU: &str = "The code works once, within {{minutes}} minutes. Give it to nobody. \
                            If you did not ask for this mail, ignore it: nothing changes.";
const WAS_IT_YOU: &str = "If it was you, there is nothing to do. If not, choose a new password at \
                          once and tell those who run this service.";

fn words(kind: Kind) -> Words {
    let (subject, opening, middle, closing) = match kind {
        Kind::ConfirmEmail => (
            "Confirm your e-mail address",
            "Please confirm that this e-mail address is yours.",
            Middle::Link("Confirm the address"),
            NOT_YOU,
        ),
        Kind::PasswordReset => (
            "Choose a new password",
            "Somebody, probably you, asked for a new password for the account with this address.",
            Middle::Link("Choose a new password"),
            NOT_YOU,
        ),
        Kind::MagicLink => (
            "Your link to sign in",
            "Open this link to sign in.",
            Middle::Link("Sign in"),
            NOT_YOU,
        ),
        Kind::EmailOtp => (
            "Your code to sign in",
            "Enter this code to sign in.",
            Middle::Code,
            CODE_NOT_YOU,
        ),
        Kind::EmailChange => (
            "Confirm your new e-mail address",
            "Please confirm that your account shall use this e-mail address from now on.",
            Middle::Link("Use this address"),
            NOT_YOU,
        ),
        Kind::Invitation => (
            "You are invited",
            "An account was made for this e-mail address. Open the link to accept it.",
            Middle::Link("Accept"),
            "The link works once, within {{minutes}} minutes. \
             If you do not want the account, ignore this mail.",
        ),
        Kind::NoticePasswordChanged => (
            "Your password was changed",
            "The password of your account was changed.",
            Middle::Nothing,
            WAS_IT_YOU,
        ),
        Kind::NoticeEmailChanged => (
            "Your e-mail address was changed",
            "The e-mail address of your account was changed.",
            Middle::Nothing,
            WAS_IT_YOU,
        ),
        Kind::NoticeFactorChanged => (
            "Your second factor was changed",
            "The second factor of your account was added, removed or replaced.",
            Middle::Nothing,
            WAS_IT_YOU,
        ),
        Kind::NoticeSignUp => (
            "You have an account already",
            "Somebody, probably you, tried to sign up with this e-mail address, which has an account.",
            Middle::Nothing,
            "If it was you, sign in, or ask for a new password. If not, ignore this mail: nothing changes.",
        ),
        Kind::NoticeSignInLocked => (
            "Wrong passwords for your account",
            "Somebody tried to sign in to your account with wrong passwords. For a while no password is accepted, the right one neither.",
            Middle::Nothing,
            "If it was you, wait, or ask for a new password. If not, nobody got in: there is nothing to do, and a \
             second factor makes guessing useless. You get at most one such mail a day.",
        ),
        Kind::NoticePasswordRemoved => (
            "Your password was removed",
            "You signed in by mail, and so showed that this address is yours. What your account had before, a password, sessions and \
             keys, might have been somebody else's and was removed.",
            Middle::Nothing,
            "To sign in with a password, ask for a new one. If it was not you who signed in, somebody reads your mail: tell \
             those who run this service.",
        ),
        Kind::NoticeFactorLocked => (
            "Wrong codes for your account",
            "Somebody tried to sign in to your account with wrong codes of the second factor. For a while no code is accepted, the \
             right one neither.",
            Middle::Nothing,
            "If it was you, wait, and look at the clock of your device. If not, somebody knows your password or reads your \
             mail: choose a new password at once. You get at most one such mail a day.",
        ),
    };
    Words {
        subject,
        opening,
        middle,
        closing,
    }
}

/// The subject of a kind.
#[must_use]
pub fn subject(kind: Kind) -> String {
    words(kind).subject.to_owned()
}

/// The text of a kind.
#[must_use]
pub fn text(kind: Kind) -> String {
    let words = words(kind);
    let middle = match words.middle {
        Middle::Link(_) => "{{link}}\n\n",
        Middle::Code => "{{code}}\n\n",
        Middle::Nothing => "",
    };
    format!("{}\n\n{middle}{}\n", words.opening, words.closing)
}

/// The HTML of a kind.
#[must_use]
pub fn html(kind: Kind) -> String {
    let words = words(kind);
    let middle = match words.middle {
        Middle::Link(name) => format!(
            "<p><a href=\"{{{{link}}}}\">{name}</a></p>\n\
             <p style=\"word-break:break-all\">{{{{link}}}}</p>\n"
        ),
        Middle::Code => {
            "<p style=\"font-size:1.6em;letter-spacing:.2em\">{{code}}</p>\n".to_owned()
        }
        Middle::Nothing => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family:sans-serif;line-height:1.5\">\n<p>{}</p>\n{middle}<p>{}</p>\n</body>\n</html>\n",
        words.subject, words.opening, words.closing
    )
}
