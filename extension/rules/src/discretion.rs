//! What of a statement may stand in a log.
//!
//! Whoever works in SQL may write a password as a literal, and a log that is told to write statements down writes the
//! literal. So a line that names one of our functions that take or give a secret goes there with the literals left out.
//!
//! A text is searched as it is, names inside of literals included (the body of a DO block is one): taking too many for
//! such a line costs a few literals, taking too few a password.

use std::borrow::Cow;

/// What a literal becomes.
const LEFT_OUT: &str = "'…'";

/// Functions of schema `auth` that policies and views call all the time, and that take nothing secret.
const HARMLESS: [&str; 22] = [
    "aal",
    "admin_audit",
    "admin_get_user",
    "admin_list_sessions",
    "admin_list_users",
    "at_most",
    "current_user_id",
    "current_user_role",
    "disable_rls",
    "email",
    "enable_rls",
    "enter_anonymous",
    "exactly_one",
    "is_admin",
    "is_authenticated",
    "jwks",
    "jwt",
    "public_config",
    "role",
    "session_id",
    "setting",
    "uid",
];

/// Those that take or give a secret, where the schema is in the search path. In a `context` there may be a code, a nonce or a
/// password. `tests/sql/literals.rs` holds the list to what the extension declares.
const BY_THEMSELVES: [&str; 52] = [
    "act_on_refusal",
    "admin_create_user",
    "admin_delete_user",
    "admin_lock_user",
    "admin_remove_factor",
    "admin_reset_password",
    "admin_revoke_session",
    "admin_revoke_token",
    "admin_revoke_user",
    "admin_unlock_user",
    "admin_update_user",
    "change_client_key",
    "change_service_key",
    "check_password_reset",
    "check_settings",
    "configure",
    "confirm_email",
    "create_admin",
    "create_client_key",
    "create_service_key",
    "end_impersonation",
    "enter",
    "impersonate",
    "impersonate_role",
    "key_options_refusal",
    "link_identity",
    "reauthenticate",
    "refresh",
    "request_email_code",
    "request_email_confirmation",
    "request_magic_link",
    "request_password_reset",
    "reset_password",
    "revoke_everything",
    "revoke_other_sessions",
    "revoke_session",
    "rotate_service_key",
    "sensitive_refusal",
    "setup_admin",
    "sign_in",
    "sign_in_anonymously",
    "sign_in_with_email_code",
    "sign_in_with_magic_link",
    "sign_out",
    "sign_up",
    "totp_backup_codes",
    "totp_disable",
    "totp_enable",
    "totp_setup",
    "unlink_identity",
    "update_user",
    "verify_factor",
];

/// Whether the text calls a function of ours that takes or gives a secret.
#[must_use]
pub fn names_an_act(text: &str) -> bool {
    let mut rest = text;
    let mut schema = String::new();
    while let Some((name, after)) = next_name(rest) {
        rest = after;
        let following = skip_blank(after);
        if following.starts_with('(') {
            let known = if schema == "auth" {
                !HARMLESS.contains(&name.as_str())
            } else {
                schema.is_empty() && BY_THEMSELVES.contains(&name.as_str())
            };
            if known {
                return true;
            }
        }
        schema = match following.strip_prefix('.') {
            Some(_) => name,
            None => String::new(),
        };
    }
    false
}

/// The next identifier, as PostgreSQL folds it, and what comes after it.
fn next_name(text: &str) -> Option<(String, &str)> {
    let begins = |c: char| c.is_alphabetic() || c == '_';
    let continues = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let start = text.find(begins)?;
    let rest = &text[start..];
    let end = rest.find(|c| !continues(c)).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    // In double quotes: the name is the same, and the quote is no part of what follows.
    Some((
        name.to_ascii_lowercase(),
        after.strip_prefix('"').unwrap_or(after),
    ))
}

/// Without white space, comments and an opening double quote at the front.
fn skip_blank(mut text: &str) -> &str {
    loop {
        let before = text;
        text = text.trim_start();
        if let Some(comment) = text.strip_prefix("--") {
            text = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = comment.split_once("*/").map_or("", |(_, rest)| rest);
        }
        if text.len() == before.len() {
            return text;
        }
    }
}

/// The text with `'…'` in the place of each string literal. What is quoted in a way that a session's settings decide about
/// (a backslash before a quote) is left out to the end.
#[must_use]
pub fn without_literals(text: &str) -> String {
    if let (Some(_), Some(first)) = (text.find("\\'"), text.find('\'')) {
        return format!("{}{LEFT_OUT}", &text[..first]);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let literal = match c {
            '\'' => Some(quoted_end(rest)),
            '$' if !(before.is_alphanumeric() || before == '_' || before == '$') => {
                dollar_end(rest)
            }
            _ => None,
        };
        let taken = match literal {
            Some(end) => {
                shown.push_str(LEFT_OUT);
                end
            }
            None if rest.starts_with("--") => {
                let end = rest.find('\n').unwrap_or(rest.len());
                shown.push_str(&rest[..end]);
                end
            }
            None => {
                shown.push(c);
                c.len_utf8()
            }
        };
        before = c;
        rest = &rest[taken..];
    }
    shown
}

/// Where a literal that begins with the quote at the front ends; a doubled quote is one of its characters.
fn quoted_end(text: &str) -> usize {
    let mut quotes = text.match_indices('\'').skip(1).peekable();
    while let Some((at, _)) = quotes.next() {
        match quotes.peek() {
            Some((next, _)) if *next == at + 1 => drop(quotes.next()),
            _ => return at + 1,
        }
    }
    text.len()
}

/// The same for `$tag$ … $tag$`; `None` where no tag begins, as in `$1`.
fn dollar_end(text: &str) -> Option<usize> {
    let tag_end = text[1..].find('$')? + 1;
    let tag = &text[1..tag_end];
    let fits = !tag.starts_with(|c: char| c.is_ascii_digit())
        && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !fits {
        return None;
    }
    let delimiter = &text[..=tag_end];
    let body = &text[tag_end + 1..];
    Some(match body.find(delimiter) {
        Some(end) => tag_end + 1 + end + delimiter.len(),
        None => text.len(),
    })
}

/// A message about the very text of a statement, without what it quotes of it: `syntax error at or near "…"`.
#[must_use]
pub fn without_quotations(text: &str) -> String {
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &text[..=first], &text[last..])
        }
        (Some(first), _) => format!("{}…", &text[..=first]),
        _ => without_literals(text),
    }
}

/// What may stand in the log instead of this text; the text itself where it names no act.
#[must_use]
pub fn discreet(text: &str) -> Cow<'_, str> {
    if !names_an_act(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(match text.strip_prefix("AUDIT: ") {
        Some(record) => format!("AUDIT: {}", without_parameters(record)),
        None => without_literals(text),
    })
}

/// A record of pgaudit: comma-separated, the statement the eighth, its parameters, in no quotes of SQL, the ninth.
fn without_parameters(record: &str) -> String {
    let mut fields = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    for (at, c) in record.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                fields.push(&record[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&record[start..]);
    let shown: Vec<Cow<'_, str>> = fields
        .into_iter()
        .enumerate()
        .map(|(nth, field)| match nth {
            8 if field != "<not logged>" && field != "<none>" => Cow::Borrowed("<left out>"),
            _ => Cow::Owned(without_literals(field)),
        })
        .collect();
    shown.join(",")
}

#[cfg(test)]
mod tests {
    use super::{discreet, names_an_act, without_literals, without_quotations};
    use proptest::prelude::*;

    #[test]
    fn calls_of_our_functions_are_found_however_they_are_written() {
        for text in [
            "select auth.sign_in('a', 'b')",
            "SELECT Auth . Sign_In ( 'a' )",
            "select \"auth\".\"sign_in\"('a', 'b')",
            "select auth/* x */./* y */sign_in -- z\n ('a')",
            "set search_path = auth; select sign_in('a', 'b')",
            "select * from sign_up('a', 'b')",
            "do $$ begin perform auth.reset_password('t', 'p'); end $$",
            "explain select auth.some_function_of_later('secret')",
            "AUDIT: SESSION,1,1,READ,SELECT,,,\"select auth.enter('x')\",<none>",
            "prepare p as select auth.sign_in($1, $2)",
        ] {
            assert!(names_an_act(text), "{text}");
        }
    }

    #[test]
    fn other_statements_are_let_alone() {
        for text in [
            "select * from notes where owner = auth.uid() and body = 'x'",
            "select sign_in from log where auth = 'x'",
            "select app.sign_in('a')",
            "select auth.jwt() ->> 'role'",
            "insert into users (sign_up) values ('x')",
            "select resign_in('a')",
            "select auth.role() = 'admin'",
        ] {
            assert!(!names_an_act(text), "{text}");
            assert_eq!(discreet(text), text);
        }
    }

    #[test]
    fn literals_are_left_out_and_nothing_else() {
        for (text, shown) in [
            ("select f('a', 'it''s', 1, $1)", "select f('…', '…', 1, $1)"),
            (
                "select f('', E'x', $$y$$, $t$z $$ $t$, \"q\")",
                "select f('…', E'…', '…', '…', \"q\")",
            ),
            ("select a$b$c, $2 from t", "select a$b$c, $2 from t"),
            ("select f('never closed", "select f('…'"),
            ("select f($t$never closed", "select f('…'"),
            ("select 1 -- it's\n, f('x')", "select 1 -- it's\n, f('…')"),
            ("select E'a\\' secret', 'b'", "select E'…'"),
            ("select 'ünï' || f('ö')", "select '…' || f('…')"),
        ] {
            assert_eq!(without_literals(text), shown);
        }
    }

    #[test]
    fn a_record_of_pgaudit_keeps_its_statement_and_no_parameter() {
        let record = "AUDIT: SESSION,3,1,READ,SELECT,,,\"select auth.sign_in($1, 'it''s, x')\",\"ann@example.com,secret\"";
        assert_eq!(
            discreet(record),
            "AUDIT: SESSION,3,1,READ,SELECT,,,\"select auth.sign_in($1, '…')\",<left out>"
        );
        let silent = "AUDIT: SESSION,3,1,READ,SELECT,,,select auth.enter($1),<not logged>";
        assert_eq!(discreet(silent), silent);
    }

    #[test]
    fn a_message_about_a_text_quotes_nothing_of_it() {
        for (text, shown) in [
            (
                "syntax error at or near \"secret\"",
                "syntax error at or near \"…\"",
            ),
            (
                "unterminated quoted string at or near \"'it\"s\" at character 4",
                "unterminated quoted string at or near \"…\" at character 4",
            ),
            ("Token \"secret", "Token \"…"),
            ("value 'x' is bad", "value '…' is bad"),
            ("division by zero", "division by zero"),
        ] {
            assert_eq!(without_quotations(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_secret_in_any_literal_is_shown(before in "[a-z ,(]{0,12}", secret in "[A-Z]{6,12}", quote in 0..4usize) {
            let literal = match quote {
                0 => format!("'{secret}'"),
                1 => format!("'it''s {secret}'"),
                2 => format!("$${secret}$$"),
                _ => format!("$q${secret} '$q$"),
            };
            let text = format!("select auth.sign_in({before} {literal}, 'x')");
            let shown = discreet(&text);
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,80}") {
            let _ = discreet(&text);
            let _ = discreet(&format!("auth.sign_in({text}"));
            let _ = discreet(&format!("AUDIT: {text} auth.sign_in({text}"));
        }
    }
}
