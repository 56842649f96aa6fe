use super::setting::{Kind, MOST_POSITION, Setting, meant, nearest};
use super::{ConfigError, Environment, expand, given::Value};
use serde_json::Value as Node;
use std::collections::BTreeMap;

const ORIGIN: &str = "fluxbase.yaml";

/// The yaml as option name → value, with `${…}` expanded. Only known names come out.
pub fn read(
    text: &str,
    known: &[Setting],
    environment: &Environment,
) -> Result<BTreeMap<String, Value>, ConfigError> {
    let mut out = BTreeMap::new();
    if text.trim().is_empty() {
        return Ok(out);
    }
    // No snippet: the excerpt around a mistake could be the line with the secret.
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true };
    let root: Node = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ConfigError::Yaml(error.to_string()))?;
    let sections = match root {
        Node::Null => return Ok(out),
        Node::Object(sections) => sections,
        _ => {
            return Err(ConfigError::Yaml(
                "the top level must be sections such as `server:`".into(),
            ));
        }
    };
    for (section, body) in sections {
        let prefix = format!("{section}.");
        if !known
            .iter()
            .any(|setting| setting.name.starts_with(&prefix))
        {
            let sections = known
                .iter()
                .filter_map(|setting| setting.name.split('.').next());
            return Err(ConfigError::Unknown {
                nearest: nearest(&section, sections).map(str::to_owned),
                name: section,
                origin: ORIGIN.into(),
            });
        }
        match body {
            Node::Null => {}
            Node::Object(entries) => walk(&section, entries, known, environment, &mut out)?,
            _ => {
                return Err(ConfigError::Malformed {
                    name: section,
                    origin: ORIGIN.into(),
                    why: "a section holds `key: value` lines".into(),
                });
            }
        }
    }
    Ok(out)
}

fn walk(
    path: &str,
    entries: serde_json::Map<String, Node>,
    known: &[Setting],
    environment: &Environment,
    out: &mut BTreeMap<String, Value>,
) -> Result<(), ConfigError> {
    for (key, node) in entries {
        let name = format!("{path}.{key}");
        if known.iter().any(|setting| setting.is_of_an_entry_of(&name)) {
            walk_list(&name, node, known, environment, out)?;
            continue;
        }
        if let Node::Object(inner) = node {
            if known.iter().any(|setting| setting.is_below(&name)) {
                walk(&name, inner, known, environment, out)?;
                continue;
            }
            return Err(unknown(name, known));
        }
        let Some(setting) = known.iter().find(|setting| setting.is_called(&name)) else {
            return Err(unknown(name, known));
        };
        let malformed = |why: &str| ConfigError::Malformed {
            name: name.clone(),
            origin: ORIGIN.into(),
            why: why.into(),
        };
        let text = match node {
            Node::String(text) => expand::expand(&name, &text, environment)?,
            // An unquoted secret such as 0123 or 1e5 would arrive as another number.
            Node::Number(_) | Node::Bool(_) if setting.is_secret() => {
                return Err(malformed("put the value in quotes"));
            }
            Node::Number(number) => number.to_string(),
            Node::Bool(flag) => flag.to_string(),
            Node::Null => return Err(malformed("has no value; remove the line or give one")),
            Node::Array(items) if setting.kind == Kind::List => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    let Node::String(item) = item else {
                        return Err(malformed("the list must hold texts"));
                    };
                    let item = expand::expand(&name, &item, environment)?;
                    // Joined, a list of nothing but "" would look like a list nobody wrote.
                    if item.is_empty() {
                        return Err(malformed("the list holds an empty text"));
                    }
                    list.push(item);
                }
                list.join(",")
            }
            Node::Array(_) | Node::Object(_) => {
                return Err(malformed("takes one value, not a list"));
            }
        };
        out.insert(name, Value::new(text, ORIGIN));
    }
    Ok(())
}

/// A list whose entries hold `key: value` lines: each becomes a section named by its position.
fn walk_list(
    name: &str,
    node: Node,
    known: &[Setting],
    environment: &Environment,
    out: &mut BTreeMap<String, Value>,
) -> Result<(), ConfigError> {
    let malformed = |why: &str| ConfigError::Malformed {
        name: name.to_owned(),
        origin: ORIGIN.into(),
        why: why.into(),
    };
    let Node::Array(entries) = node else {
        return Err(malformed("takes a list; an empty one is written []"));
    };
    for (position, entry) in entries.into_iter().enumerate() {
        let Node::Object(entry) = entry else {
            return Err(malformed("each entry of the list holds `key: value` lines"));
        };
        if position > MOST_POSITION {
            return Err(malformed("the list is too long"));
        }
        let mut one = BTreeMap::new();
        walk(
            &format!("{name}.{position}"),
            entry,
            known,
            environment,
            &mut one,
        )?;
        if one.is_empty() {
            return Err(malformed("an entry of the list is empty"));
        }
        out.append(&mut one);
    }
    Ok(())
}

fn unknown(name: String, known: &[Setting]) -> ConfigError {
    ConfigError::Unknown {
        nearest: meant(&name, known.iter().map(|setting| setting.name)).map(str::to_owned),
        name,
        origin: ORIGIN.into(),
    }
}
