//! What a request asks for, in the two ways HTTP carries it.

use super::documents::{Documents, Hash};
use crate::error::Failure;
use actix_web::web;
use fluxbase_compiler::Error;
use fluxbase_compiler::error::QueryError;
use fluxbase_compiler::graphql::INTROSPECTION;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One operation.
#[derive(Debug)]
pub struct Asked<'a> {
    query: Option<Cow<'a, str>>,
    /// That of a document the server is thought to have.
    hash: Option<Hash>,
    /// Which operation of the document.
    pub operation: Option<Cow<'a, str>>,
    /// JSON.
    pub variables: Option<Cow<'a, str>>,
    /// Whether it may change anything.
    pub may_write: bool,
}

/// A body: one operation, or several in a list.
#[derive(Debug)]
pub enum Body<'a> {
    /// An object.
    One(Asked<'a>),
    /// An array of them.
    Batch(Vec<Asked<'a>>),
}

impl<'a> Body<'a> {
    /// Reads a body; a list of at most `max_batch` operations, where that is more than one.
    ///
    /// # Errors
    /// When it is not JSON, or not of this form.
    pub fn read(
        content_type: Option<&str>,
        body: &'a [u8],
        max_batch: u64,
    ) -> Result<Self, Failure> {
        // A form, plain text or a body of no type is what any page can make a browser send without asking.
        let content_type = content_type.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Error::Query(QueryError::MediaType(essence.into())).into());
        }
        if !body.trim_ascii_start().starts_with(b"[") {
            return Ok(Self::One(Asked::sent(body)?));
        }
        if max_batch < 2 {
            return Err(Failure::malformed("A body is one operation, not a list"));
        }
        let items: Vec<&'a RawValue> = serde_json::from_slice(body)
            .map_err(|_| Failure::malformed("The body must be JSON"))?;
        if items.is_empty() || items.len() as u64 > max_batch {
            let message = format!("A list holds from 1 to {max_batch} operations");
            return Err(Failure::malformed(message));
        }
        let all = items.iter().map(|item| Asked::sent(item.get().as_bytes()));
        all.collect::<Result<_, _>>().map(Self::Batch)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent<'a> {
    #[serde(borrow)]
    query: Option<Cow<'a, str>>,
    #[serde(borrow)]
    variables: Option<&'a RawValue>,
    #[serde(borrow, rename = "operationName")]
    operation: Option<Cow<'a, str>>,
    #[serde(borrow)]
    extensions: Option<&'a RawValue>,
    #[serde(borrow, rename = "documentId")]
    document: Option<Cow<'a, str>>,
}

impl<'a> Asked<'a> {
    fn sent(body: &'a [u8]) -> Result<Self, Failure> {
        // What reads an object would also take an array, member by member.
        let object = body.trim_ascii_start().starts_with(b"{");
        let sent: Option<Sent<'_>> = serde_json::from_slice(body).ok().filter(|_| object);
        let sent = sent.ok_or_else(|| {
            Failure::malformed(
                "The body must be an object with the members query, variables and operationName",
            )
        })?;
        let extensions = sent.extensions.map(RawValue::get);
        Ok(Self {
            hash: hash(sent.document.as_deref(), extensions)?,
            query: sent.query,
            operation: sent.operation,
            variables: sent.variables.map(|given| given.get().into()),
            may_write: true,
        })
    }

    /// Reads the parameters of an address, which asks for the schema when it asks for nothing.
    ///
    /// # Errors
    /// When there are others.
    pub fn addressed(query: &str) -> Result<Asked<'static>, Failure> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Addressed {
            query: Option<String>,
            variables: Option<String>,
            #[serde(rename = "operationName")]
            operation: Option<String>,
            extensions: Option<String>,
            #[serde(rename = "documentId")]
            document: Option<String>,
        }
        let sent: Addressed = web::Query::from_query(query)
            .map(web::Query::into_inner)
            .map_err(|_| {
                Failure::malformed(
                    "The parameters are query, and with it variables and operationName",
                )
            })?;
        let given = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Cow::Owned);
        let nothing = query.is_empty();
        Ok(Asked {
            hash: hash(sent.document.as_deref(), given(sent.extensions).as_deref())?,
            query: match nothing {
                true => Some(INTROSPECTION.into()),
                false => sent.query.map(Cow::Owned),
            },
            operation: given(sent.operation),
            variables: given(sent.variables),
            may_write: false,
        })
    }

    /// The document and its hash. A hash that comes with its text is only checked: what is asked is what can be read.
    ///
    /// # Errors
    /// When there is none, or only the operator's are served and this is none of them.
    pub fn document<'s>(
        &'s self,
        documents: &'s Documents,
        persisted_only: bool,
    ) -> Result<(&'s str, Hash), Failure> {
        let (text, hash) = match (&self.query, self.hash) {
            (Some(query), given) => {
                let hash = Hash::of(query);
                if given.is_some_and(|given| given != hash) {
                    return Err(Failure::malformed("The hash is not that of the query"));
                }
                (query.as_ref(), hash)
            }
            (None, Some(hash)) => {
                let found = documents.get(hash).ok_or(Failure::DocumentUnknown)?;
                (found.as_ref(), hash)
            }
            (None, None) => {
                return Err(Failure::malformed("query is missing, and must be a string"));
            }
        };
        if persisted_only && !documents.hold(hash) {
            return Err(Failure::DocumentNotPersisted);
        }
        Ok((text, hash))
    }
}

/// The hash of a document that is not sent: `documentId` of the specification, or what Apollo's clients send.
fn hash(document: Option<&str>, extensions: Option<&str>) -> Result<Option<Hash>, Failure> {
    #[derive(Deserialize)]
    struct Extensions {
        #[serde(rename = "persistedQuery")]
        persisted: Option<Persisted>,
    }
    #[derive(Deserialize)]
    struct Persisted {
        version: u64,
        #[serde(rename = "sha256Hash")]
        hash: String,
    }
    let malformed = |text: &'static str| Failure::malformed(text);
    let of_document = document.map(|id| {
        let hash = id.strip_prefix("sha256:").and_then(Hash::parse);
        hash.ok_or_else(|| malformed("documentId must be sha256: and 64 hexadecimal digits"))
    });
    let of_extensions = extensions.map(|text| {
        let read: Option<Extensions> = serde_json::from_str(text).ok();
        let object = text.trim_start().starts_with('{');
        let read = read
            .filter(|_| object)
            .ok_or_else(|| malformed("extensions must be an object"))?;
        let hash = |persisted: Persisted| {
            let hash = Hash::parse(&persisted.hash).filter(|_| persisted.version == 1);
            hash.ok_or_else(|| {
                malformed(
                    "persistedQuery must have version 1 and a sha256Hash of 64 hexadecimal digits",
                )
            })
        };
        read.persisted.map(hash).transpose()
    });
    match (
        of_document.transpose()?,
        of_extensions.transpose()?.flatten(),
    ) {
        (Some(one), Some(other)) if one != other => {
            Err(malformed("documentId and extensions name two documents"))
        }
        (one, other) => Ok(one.or(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JSON: Option<&str> = Some("Application/JSON; charset=utf-8");

    fn one(body: &str) -> Result<Asked<'_>, u16> {
        match Body::read(JSON, body.as_bytes(), 1) {
            Ok(Body::One(asked)) => Ok(asked),
            Ok(Body::Batch(_)) => panic!("a batch"),
            Err(failure) => Err(failure.public().status.as_u16()),
        }
    }

    #[test]
    fn a_body_is_an_object_of_three_members() {
        let body = r#" {"query":"{ a\u0062 }","variables":{"a" : 1.50},"operationName":"O","extensions":{"x":1}}"#;
        let asked = one(body).unwrap();
        assert_eq!(asked.query.as_deref(), Some("{ ab }"));
        assert_eq!(asked.variables.as_deref(), Some(r#"{"a" : 1.50}"#));
        assert_eq!(asked.operation.as_deref(), Some("O"));
        assert!(asked.may_write);
        let asked =
            one(r#"{"query":"{ a }","variables":null,"operationName":null,"extensions":null}"#);
        let asked = asked.unwrap();
        assert_eq!((asked.variables, asked.operation), (None, None));
        for body in [
            "",
            "[]",
            "{",
            r#""{ a }""#,
            r#"{"query":1}"#,
            r#"["{ a }"]"#,
            r#"[{"query":"{ a }"}]"#,
            r#"{"query":"{ a }","query":"{ b }"}"#,
            r#"{"query":"{ a }","user":"root"}"#,
            r#"{"query":"{ a }"} {}"#,
            r#"{"query":"{ a }","extensions":[]}"#,
            r#"{"query":"{ a }","extensions":0}"#,
            r#"{"query":"{ a }","extensions":{"persistedQuery":{"version":2,"sha256Hash":""}}}"#,
            r#"{"query":"{ a }","documentId":"md5:1"}"#,
        ] {
            assert_eq!(one(body).map(|_| ()), Err(400), "{body}");
        }
    }

    /// What a page of another site can have a browser send without asking the server first.
    #[test]
    fn a_body_that_is_not_said_to_be_json_is_refused() {
        let body = br#"{"query":"{ a }"}"#;
        for other in [
            None,
            Some(""),
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=application/json"),
            Some("application/graphql"),
        ] {
            let refused = Body::read(other, body, 1).map(|_| ());
            let status = refused.map_err(|failure| failure.public().status.as_u16());
            assert_eq!(status, Err(415), "{other:?}");
        }
        assert!(Body::read(Some("application/json"), body, 1).is_ok());
    }

    #[test]
    fn a_list_is_taken_where_lists_are_and_no_longer_than_that() {
        let list = |count: usize| json!(vec![json!({"query": "{ a }"}); count]).to_string();
        let read = |text: &str, most| match Body::read(JSON, text.as_bytes(), most) {
            Ok(Body::Batch(all)) => Ok(all.len()),
            Ok(Body::One(_)) => panic!("one"),
            Err(failure) => Err(failure.public().status.as_u16()),
        };
        assert_eq!(read(&list(1), 1), Err(400));
        assert_eq!(read(&list(1), 3), Ok(1));
        assert_eq!(read(&list(3), 3), Ok(3));
        assert_eq!(read(&list(4), 3), Err(400));
        for text in [
            "[]",
            "[1]",
            "[",
            r#"[{"query":1}]"#,
            r#"[[{"query":"{ a }"}]]"#,
        ] {
            assert_eq!(read(text, 3), Err(400), "{text}");
        }
    }

    #[test]
    fn an_address_asks_for_the_schema_when_it_asks_for_nothing() {
        let asked = Asked::addressed("").unwrap();
        assert!(asked.query.unwrap().contains("__schema") && !asked.may_write);
        let asked =
            Asked::addressed("query=%7B%20a%20%7D&variables=%7B%22a%22:1%7D&operationName=")
                .unwrap();
        assert_eq!(asked.query.as_deref(), Some("{ a }"));
        assert_eq!(asked.variables.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(asked.operation, None);
        assert!(!asked.may_write);
        for query in ["query=a&query=b", "query=a&x=1", "query=a&extensions=1"] {
            let refused = Asked::addressed(query).map(|_| ());
            let status = refused.map_err(|failure| failure.public().status.as_u16());
            assert_eq!(status, Err(400), "{query}");
        }
    }

    #[test]
    fn a_document_is_the_text_or_what_its_hash_names() {
        let hash = Hash::of("{ a }");
        let asked = |query: Option<&'static str>, hash| Asked {
            query: query.map(Cow::Borrowed),
            hash,
            operation: None,
            variables: None,
            may_write: true,
        };
        let none = Documents::default();
        let known = Documents::of(["{ a }"]);
        let code = |asked: Asked<'_>, documents: &Documents, only| {
            let found = asked.document(documents, only);
            let found = found.map(|(text, _)| text.to_owned());
            found.map_err(|failure| failure.public().code)
        };
        let text = Ok("{ a }".to_owned());
        assert_eq!(code(asked(Some("{ a }"), None), &none, false), text);
        assert_eq!(code(asked(Some("{ a }"), Some(hash)), &none, false), text);
        assert_eq!(code(asked(None, Some(hash)), &known, false), text);
        assert_eq!(code(asked(None, Some(hash)), &known, true), text);
        assert_eq!(code(asked(Some("{ a }"), None), &known, true), text);
        let unknown = Err("PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(code(asked(None, Some(hash)), &none, false), unknown);
        assert_eq!(code(asked(None, Some(hash)), &none, true), unknown);
        let refused = Err("ACCESS_DENIED");
        assert_eq!(code(asked(Some("{ a }"), None), &none, true), refused);
        assert_eq!(code(asked(Some("{ b }"), None), &known, true), refused);
        let malformed = Err("INVALID_REQUEST_BODY");
        assert_eq!(
            code(asked(Some("{ b }"), Some(hash)), &known, false),
            malformed
        );
        assert_eq!(code(asked(None, None), &known, false), malformed);
    }
}
