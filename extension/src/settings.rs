//! `auth.configure` and `auth.check_settings`.

use crate::error::{Failure, or_raise};
use crate::jsonb::JsonB;
use crate::{quiet, stored};
use fluxbase_rules::settings;
use pgrx::prelude::*;

/// Stores one setting in its canonical form. Declared SECURITY DEFINER with an empty search_path; EXECUTE
/// belongs to `fluxbase_admin`.
#[pg_extern]
fn configure(key: &str, value: &str) {
    or_raise(store(key, value));
}

fn store(key: &str, value: &str) -> Result<(), Failure> {
    quiet::nested_statements();
    let (name, value) = canonical(key, value)?;
    Spi::connect_mut(|client| {
        client.update(
            "insert into auth.settings (key, value) values ($1, $2) \
             on conflict (key) do update set value = excluded.value, updated_at = pg_catalog.now()",
            None,
            &[name.into(), value.as_str().into()],
        )?;
        Ok(())
    })
}

/// The value in force. Owned by `fluxbase_admin` and given to nobody else.
#[pg_extern]
fn setting(key: &str) -> Option<String> {
    or_raise(in_force(key))
}

fn in_force(key: &str) -> Result<Option<String>, Failure> {
    let setting = settings::find(key).map_err(|error| Failure::setting(error.to_string()))?;
    if setting.is_secret() {
        return Ok(None);
    }
    let here = stored::stored()?;
    let text = here
        .configured
        .get(setting.name)
        .map_or(setting.default, String::as_str);
    Ok(Some(canonical(setting.name, text)?.1))
}

/// Which of the `expected` settings have another value here. The caller learns names, never values, so that
/// the server's login can make sure both run under the same rules without being able to read them.
#[pg_extern]
fn check_settings(expected: JsonB) -> Vec<String> {
    or_raise(differing(&expected.0))
}

fn differing(expected: &serde_json::Value) -> Result<Vec<String>, Failure> {
    let members = expected
        .as_object()
        .ok_or_else(|| Failure::setting("expected settings must be a JSON object"))?;
    stored::catch_up();
    let here = stored::stored()?;
    let mut names = Vec::new();
    for (key, value) in members {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (name, wanted) = canonical(key, &text)?;
        let found = match here.configured.get(name) {
            Some(configured) => canonical(name, configured)?.1,
            None => {
                canonical(
                    name,
                    settings::find(name).map_or("", |setting| setting.default),
                )?
                .1
            }
        };
        if wanted != found {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn canonical(key: &str, value: &str) -> Result<(&'static str, String), Failure> {
    settings::canonical(key, value).map_err(|error| Failure::setting(error.to_string()))
}
