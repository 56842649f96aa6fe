//! Types of PostgreSQL as schemas of the JSON it makes of their values.

use fluxbase_compiler::catalog::{Catalog, TypeClass, TypeName};
use serde_json::{Map, Value, json};

/// Arrays in arrays come from domains alone, and a domain lies above what it is made of; this is for a broken catalog.
const DEEPEST: u8 = 8;

/// The schema of a value of that type.
pub(super) fn value(
    catalog: &Catalog,
    data_type: &TypeName,
    class: TypeClass,
    nullable: bool,
) -> Value {
    let schema = Value::Object(not_null(catalog, data_type, class, DEEPEST));
    if nullable { or_null(schema) } else { schema }
}

/// With what a comment says of it.
pub(super) fn described(mut schema: Value, description: Option<String>) -> Value {
    if let (Some(schema), Some(description)) = (schema.as_object_mut(), description) {
        schema.insert("description".into(), description.into());
    }
    schema
}

/// The schema of a value in a query string, where there are only texts.
pub(super) fn text(catalog: &Catalog, data_type: &TypeName, class: TypeClass) -> Value {
    let schema = not_null(catalog, data_type, class, DEEPEST);
    match schema.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "number" | "boolean") => Value::Object(schema),
        _ => json!({"type": "string"}),
    }
}

fn not_null(
    catalog: &Catalog,
    data_type: &TypeName,
    class: TypeClass,
    deepest: u8,
) -> Map<String, Value> {
    let labels = catalog.enum_labels(data_type);
    let schema = if !labels.is_empty() {
        json!({"type": "string", "enum": labels})
    } else if let Some(element) = catalog.element_type(data_type).filter(|_| deepest > 0) {
        let items = not_null(catalog, element, TypeClass::Other, deepest - 1);
        json!({"type": "array", "items": or_null(Value::Object(items))})
    } else if class == TypeClass::Array {
        json!({"type": "array"})
    } else {
        match catalog.base_type(data_type) {
            Some("") => extension(class),
            Some(base) => own(base),
            None => json!({"type": "object"}),
        }
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// A type of PostgreSQL's own. A format is a registered one where values have that form, else SQL's name of the type.
fn own(base: &str) -> Value {
    match base {
        "json" | "jsonb" => json!({}),
        "bool" => json!({"type": "boolean"}),
        "int2" => json!({"type": "integer", "format": "int16"}),
        "int4" => json!({"type": "integer", "format": "int32"}),
        "int8" => json!({"type": "integer", "format": "int64"}),
        "oid" => json!({"type": "string", "format": "oid"}),
        "float4" => json!({"type": "number", "format": "float"}),
        "float8" => json!({"type": "number", "format": "double"}),
        "numeric" => json!({"type": "number"}),
        "timestamptz" => json!({"type": "string", "format": "date-time"}),
        "timestamp" => json!({"type": "string", "format": "timestamp without time zone"}),
        "timetz" => json!({"type": "string", "format": "time with time zone"}),
        "time" => json!({"type": "string", "format": "time without time zone"}),
        "text" | "varchar" | "bpchar" | "name" => json!({"type": "string"}),
        // uuid and date are names of formats, too.
        other => json!({"type": "string", "format": other}),
    }
}

/// A type that somebody made. PostgreSQL writes a text for it, unless there is a cast to JSON.
fn extension(class: TypeClass) -> Value {
    match class {
        TypeClass::Text | TypeClass::Range => json!({"type": "string"}),
        TypeClass::Boolean => json!({"type": "boolean"}),
        _ => json!({}),
    }
}

/// Also null.
fn or_null(mut schema: Value) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        if let Some(kind) = schema.get_mut("type") {
            *kind = json!([kind.take(), "null"]);
        }
        if let Some(labels) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            labels.push(Value::Null);
        }
    }
    schema
}
