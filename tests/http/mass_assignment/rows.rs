//! Rows and answers of two databases made comparable: who is who by address, and what is random or a moment of today by its
//! kind. A moment of another century stays, for it is a forged one.

use crate::site::Site;
use fluxbase_tests::forge::payload_of;
use serde_json::Value;

/// Ids of users with what they are called.
#[derive(Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Also those who will be deleted.
    pub fn learn(&mut self, site: &Site) {
        let asked = "select id::text, coalesce(email, 'nobody') from auth.users";
        let rows = site.database.superuser().query(asked, &[]).expect("users");
        for row in rows {
            let id: String = row.get(0);
            self.0.retain(|(known, _)| *known != id);
            self.0.push((id, row.get(1)));
        }
    }

    fn replace(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (id, name) in &self.0 {
            text = text.replace(id, name);
        }
        text
    }
}

/// Every row of every table of accounts and of the audit, in an order of its own.
pub fn all_rows(site: &Site, names: &Names) -> Vec<String> {
    let mut superuser = site.database.superuser();
    let tables = "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                  where n.nspname in ('auth', 'audit') and c.relkind = 'r' \
                    and c.relname not in ('login_attempts', 'signing_keys', 'sealing_keys')";
    let tables = superuser.query(tables, &[]).expect("tables");
    assert!(tables.len() > 12);
    let mut all = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let rows = format!("select to_jsonb(t) from {table} t");
        for row in superuser.query(&rows, &[]).expect("rows") {
            let row = alike(&row.get(0), names);
            all.push(format!("{table} {row}"));
        }
    }
    all.sort();
    all
}

/// Members that are random, or differ with the second in which they are made.
const RANDOM: [&str; 11] = [
    "backup_codes",
    "iat",
    "key",
    "last_step",
    "mail_attempts",
    "mfa_token",
    "nonce",
    "qr_code",
    "request_id",
    "secret",
    "uri",
];

/// The value with what may differ replaced by what it is.
pub fn alike(value: &Value, names: &Names) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let random = RANDOM.contains(&name.as_str()) && !value.is_null();
                let forged = value.as_str().is_some_and(|text| text.contains("forged"));
                let value = match name.as_str() {
                    "access_token" | "refresh_token" if value.is_string() => {
                        claims(value.as_str().unwrap_or_default(), names)
                    }
                    "exp" | "nbf" => "a moment".into(),
                    "temporary_password" => "a password".into(),
                    "key_prefix" => value.as_str().map_or(Value::Null, |text| text[..3].into()),
                    _ if random && !forged => "random".into(),
                    _ => alike(value, names),
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(|item| alike(item, names)).collect(),
        Value::String(text) => text_alike(&names.replace(text)).into(),
        other => other.clone(),
    }
}

/// What a token says.
fn claims(token: &str, names: &Names) -> Value {
    if token.matches('.').count() == 2 {
        alike(&payload_of(token), names)
    } else {
        token.into()
    }
}

fn text_alike(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_uuid = text.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if is_uuid {
        return "an id".to_owned();
    }
    let is_moment = text.len() > 18 && bytes[4] == b'-' && bytes[10] == b'T';
    if is_moment && ("2020".."2098").contains(&&text[..4]) {
        return "a moment".to_owned();
    }
    if text.starts_with("\\x") && text.len() > 10 {
        return "bytes".to_owned();
    }
    if text.starts_with("$argon2id$") {
        return "a hash".to_owned();
    }
    text.to_owned()
}
