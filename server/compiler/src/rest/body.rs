//! Bodies that are not JSON become the JSON they mean: the rest of the compiler knows one form.

use std::borrow::Cow;

use super::json;
use super::payload::Payload;
use super::text;
use crate::Error;
use crate::error::{BodyError, QueryError};

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
    UrlEncoded,
    Text,
    Bytes,
}

/// Reads a `Content-Type`; JSON when there is none.
pub(super) fn form(content_type: Option<&str>) -> Result<Form, Error> {
    let Some(text) = content_type else {
        return Ok(Form::Json);
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "" | "application/json" => Ok(Form::Json),
        "text/csv" => Ok(Form::Csv),
        "application/x-www-form-urlencoded" => Ok(Form::UrlEncoded),
        "text/plain" | "text/xml" => Ok(Form::Text),
        "application/octet-stream" => Ok(Form::Bytes),
        _ => Err(QueryError::MediaType(text.into()).into()),
    }
}

/// Reads rows. `many`: an array of them is welcome too.
pub(super) fn rows<'a>(form: Form, body: &'a [u8], many: bool) -> Result<Payload<'a>, Error> {
    match form {
        Form::Json => Ok(json::parse(body, many)?),
        Form::Csv if many => of_json(&csv(body)?, many),
        Form::UrlEncoded => of_json(&form_object(body)?, many),
        Form::Csv | Form::Text | Form::Bytes => {
            Err(QueryError::MediaType("a body without names of columns".into()).into())
        }
    }
}

fn of_json<'a>(text: &str, many: bool) -> Result<Payload<'a>, Error> {
    Ok(json::parse(text.as_bytes(), many)?.into_owned())
}

/// Comma-separated values with a line of names (RFC 4180) → an array of objects. An unquoted or quoted `NULL` is null,
/// anything else a text that PostgreSQL reads as the column's type.
fn csv(body: &[u8]) -> Result<String, BodyError> {
    let problem = |error: csv::Error| BodyError::NotCsv {
        line: error.position().map_or(1, csv::Position::line),
    };
    let mut reader = csv::Reader::from_reader(body);
    let names = reader.headers().map_err(problem)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(problem)?;
        let members: Vec<String> = names
            .iter()
            .zip(&record)
            .map(|(name, value)| {
                let value = match value {
                    "NULL" => "null".to_owned(),
                    text => quoted(text),
                };
                format!("{}:{value}", quoted(name))
            })
            .collect();
        rows.push(format!("{{{}}}", members.join(",")));
    }
    Ok(format!("[{}]", rows.join(",")))
}

/// `a=1&b=x` → one object of texts.
fn form_object(body: &[u8]) -> Result<String, Error> {
    let text =
        std::str::from_utf8(body).map_err(|_| QueryError::Encoding("bytes that are not UTF-8"))?;
    let mut members = Vec::new();
    for pair in text::parameters(text) {
        let (name, value): (Cow<'_, str>, Cow<'_, str>) = pair?;
        members.push(format!("{}:{}", quoted(&name), quoted(&value)));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{csv, form_object};

    #[test]
    fn csv_becomes_objects_and_null_is_null() {
        let text = csv(b"id,name\n1,\"a,\"\"b\"\"\"\n2,NULL\n").unwrap();
        assert_eq!(
            text,
            r#"[{"id":"1","name":"a,\"b\""},{"id":"2","name":null}]"#
        );
        assert_eq!(csv(b"id\n").unwrap(), "[]");
        assert!(csv(b"a,b\n1\n").is_err());
        assert!(csv(b"a\n\xff\n").is_err());
    }

    #[test]
    fn forms_become_one_object() {
        assert_eq!(
            form_object(b"a=1+2&b=%22").unwrap(),
            r#"{"a":"1 2","b":"\""}"#
        );
        assert_eq!(form_object(b"").unwrap(), "{}");
    }
}
