//! The account endpoints, from the one table of them.

use super::{Parts, names, operation};
use crate::auth::{ACTS, Act, Arg, Door};
use serde_json::{Map, Value, json};

pub(super) fn describe(parts: &mut Parts) {
    for act in ACTS {
        let path = format!("/api/v1{}", act.path);
        parts.operation(&path, &act.method.to_lowercase(), described(act));
        if act.path.contains("{id}") {
            let id = json!({"name": "id", "in": "path", "required": true,
                            "schema": {"type": "string", "format": "uuid"}});
            parts.path_parameters(&path, json!([id]));
        }
    }
}

fn described(act: &Act) -> Value {
    let mut described = operation("accounts", id(act), Some(&sentence(act.function)));
    let answers = json!({
        act.success.to_string(): {
            "description": "Done",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "default": names::response("account-refused"),
    });
    described.insert("responses".into(), answers);
    // A public endpoint looks at no credential, the others do nothing without one.
    let security = match act.door {
        Door::Public => json!([]),
        Door::Own | Door::Setup => json!([{"bearer": []}, {"key": []}]),
    };
    described.insert("security".into(), security);
    if act.args.contains(&Arg::Query) {
        let parameters = json!([{
            "name": "filters", "in": "query", "style": "form", "explode": true,
            "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        }]);
        described.insert("parameters".into(), parameters);
    }
    if let Some((schema, required)) = body(act.args).filter(|_| act.method != "DELETE") {
        let body =
            json!({"required": required, "content": {"application/json": {"schema": schema}}});
        described.insert("requestBody".into(), body);
    }
    Value::Object(described)
}

fn id(act: &Act) -> String {
    let words = act.path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    std::iter::once(act.method.to_lowercase().as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

/// `sign_in` → `Sign in`
fn sentence(function: &str) -> String {
    let words = function.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// The schema of the body, and whether there must be one; `None` where nothing of it is looked at.
fn body(args: &[Arg]) -> Option<(Value, bool)> {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    let mut whole = false;
    for arg in args {
        match *arg {
            Arg::Text(name) | Arg::Only(name) => {
                properties.insert(name.into(), json!({"type": "string"}));
                required.push(name);
            }
            Arg::Optional(name) => {
                properties.insert(name.into(), json!({"type": ["string", "null"]}));
            }
            // Where cookies are on, one of them may hold it.
            Arg::RefreshToken => {
                properties.insert("refresh_token".into(), json!({"type": "string"}));
            }
            Arg::Uuid(name) => {
                properties.insert(
                    name.into(),
                    json!({"type": ["string", "null"], "format": "uuid"}),
                );
            }
            Arg::Code => {
                properties.insert("code".into(), json!({"type": "string"}));
            }
            Arg::Object(name) => {
                properties.insert(name.into(), json!({"type": ["object", "null"]}));
            }
            Arg::Mailbox => {
                properties.insert("email".into(), json!({"type": "string"}));
                required.push("email");
            }
            Arg::Flag(name) => {
                properties.insert(name.into(), json!({"type": "boolean"}));
            }
            Arg::Body | Arg::NewUser => whole = true,
            Arg::Query | Arg::PathId | Arg::Context | Arg::Word(_) => {}
        }
    }
    if properties.is_empty() && !whole {
        return None;
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
        schema.insert("required".into(), json!(required));
    }
    Some((schema, !required.is_empty()))
}
