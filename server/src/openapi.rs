//! What a caller may do, as an OpenAPI document: the tables, columns, verbs and functions that PostgreSQL grants the
//! caller's role, and the account endpoints.
//!
//! [`document`] is a function of the catalog and of who asks. It tells of grants and never decides by them; what a policy
//! hides from its role it cannot know.

mod accounts;
mod functions;
mod names;
mod serve;
mod tables;
mod values;

pub use serve::{Descriptions, fluxbase, postgrest};

use fluxbase_compiler::catalog::{Catalog, Role};
use serde_json::{Map, Value, json};

/// The version of OpenAPI that is spoken.
const OPENAPI: &str = "3.1.0";

/// Of whom, and of which mount.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// What the caller's role may see is described.
    pub role: Role,
    /// And how it is reached.
    pub mount: Mount,
}

/// Which addresses are described.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mount {
    /// Those below `/api/v1`, of all schemas.
    Fluxbase,
    /// Those below `/rest/v1` for one schema: which one is meant does not stand in an address there.
    PostgRest {
        /// Its name.
        schema: String,
    },
}

impl Mount {
    /// Whether what is in this schema is described.
    fn has(&self, schema: &str) -> bool {
        match self {
            Self::Fluxbase => true,
            Self::PostgRest { schema: only } => only == schema,
        }
    }
}

/// The parts of a document, as they are found.
#[derive(Default)]
struct Parts {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    parameters: Map<String, Value>,
}

impl Parts {
    /// Adds an operation; two of one method on one path are one, the first.
    fn operation(&mut self, path: &str, method: &str, operation: Value) {
        let item = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.entry(method).or_insert(operation);
        }
    }

    /// What all operations of a path need.
    fn path_parameters(&mut self, path: &str, parameters: Value) {
        let item = self.paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert("parameters".into(), parameters);
        }
    }
}

/// The document.
#[must_use]
pub fn document(catalog: &Catalog, view: &View) -> Value {
    let mut parts = Parts::default();
    tables::describe(catalog, view, &mut parts);
    functions::describe(catalog, view, &mut parts);
    accounts::describe(&mut parts);
    parts.schemas.insert("refusal".into(), refusal(&view.mount));
    parts
        .schemas
        .insert("account-refusal".into(), refusal(&Mount::Fluxbase));
    parts.parameters.extend(tables::parameters(&view.mount));
    json!({
        "openapi": OPENAPI,
        "info": info(catalog, view),
        "servers": [{"url": "/"}],
        // A visitor may ask too.
        "security": [{}, {"bearer": []}, {"key": []}],
        "tags": [
            {"name": "tables", "description": "Tables and views"},
            {"name": "functions", "description": "Functions of the database"},
            {"name": "accounts", "description": "Accounts, sessions and keys"},
        ],
        "paths": parts.paths,
        "components": {
            "schemas": parts.schemas,
            "parameters": parts.parameters,
            "responses": {
                "refused": answer("Why there is no other answer", "refusal"),
                "account-refused": answer("Why there is no other answer", "account-refusal"),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                           "description": "An access token, or a key"},
                "key": {"type": "apiKey", "in": "header", "name": "apikey", "description": "A key"},
            },
        },
    })
}

fn answer(description: &str, schema: &str) -> Value {
    json!({
        "description": description,
        "content": {"application/json": {"schema": names::schema(schema)}},
    })
}

/// The title is the first line of the schema's comment, the rest describes it.
fn info(catalog: &Catalog, view: &View) -> Value {
    let comment = match &view.mount {
        Mount::Fluxbase => None,
        Mount::PostgRest { schema } => catalog
            .schema(schema)
            .filter(|schema| schema.may(view.role))
            .and_then(|schema| schema.comment.as_deref()),
    };
    let mut info = json!({"title": "Fluxbase", "version": env!("CARGO_PKG_VERSION")});
    if let Some(info) = info.as_object_mut() {
        let (title, description) = first_line(comment);
        info.extend(title.map(|title| ("title".to_owned(), title.into())));
        info.extend(description.map(|text| ("description".to_owned(), text.into())));
    }
    info
}

/// The first line of a comment, and what follows it.
fn first_line(comment: Option<&str>) -> (Option<&str>, Option<&str>) {
    let Some(comment) = comment.map(str::trim).filter(|comment| !comment.is_empty()) else {
        return (None, None);
    };
    match comment.split_once('\n') {
        Some((first, rest)) => (Some(first.trim_end()), Some(rest.trim())),
        None => (Some(comment), None),
    }
}

/// An operation begins with what a comment says of its object.
fn operation(tag: &str, id: String, comment: Option<&str>) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("tags".into(), json!([tag]));
    operation.insert("operationId".into(), id.into());
    let (summary, description) = first_line(comment);
    operation.extend(summary.map(|text| ("summary".to_owned(), text.into())));
    operation.extend(description.map(|text| ("description".to_owned(), text.into())));
    operation
}

/// The body of a refusal.
fn refusal(mount: &Mount) -> Value {
    let text = || json!({"type": "string"});
    match mount {
        Mount::Fluxbase => json!({
            "type": "object",
            "required": ["error", "code"],
            "properties": {
                "error": text(), "code": text(), "request_id": text(), "message": text(), "hint": text(), "details": {},
            },
        }),
        Mount::PostgRest { .. } => json!({
            "type": "object",
            "required": ["code", "message", "details", "hint"],
            "properties": {
                "code": text(), "message": text(), "details": {}, "hint": {"type": ["string", "null"]},
            },
        }),
    }
}

#[cfg(test)]
mod tests;
