//! Requests as files, and the catalog they are compiled against.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions"
)]

pub mod graphql;
pub mod tokens;

use std::path::PathBuf;

use fluxbase_compiler::Error;
use fluxbase_compiler::ask::Ask;
use fluxbase_compiler::catalog::{Catalog, CatalogJson};
use fluxbase_compiler::plan::{self, Limits};
use fluxbase_compiler::rest::{self, Dialect, Method, Request};
use fluxbase_compiler::sql::{self, Statement};

/// `tests/` of this crate.
pub fn tests() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// What the catalog queries said of `catalog/schema.sql`.
pub fn catalog() -> Catalog {
    Catalog::from_json(1, &recorded()).unwrap()
}

/// The answers themselves.
pub fn recorded() -> CatalogJson<'static> {
    CatalogJson {
        schemas: include_str!("../catalog/schemas.json"),
        relations: include_str!("../catalog/relations.json"),
        foreign_keys: include_str!("../catalog/foreign_keys.json"),
        types: include_str!("../catalog/types.json"),
        functions: include_str!("../catalog/functions.json"),
        views: include_str!("../catalog/views.json"),
        handlers: include_str!("../catalog/handlers.json"),
    }
}

/// A request as text: `METHOD /table?query`, then headers, then after an empty line the body.
#[derive(Debug, Clone)]
pub struct Text {
    pub dialect: Dialect,
    pub call: bool,
    pub method: Method,
    pub path: Vec<String>,
    pub query: String,
    pub prefer: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Text {
    pub fn read(text: &str) -> Text {
        Text::try_read(text).unwrap_or_else(|| panic!("this is no request: {text}"))
    }

    /// `None` for what is no request.
    pub fn try_read(text: &str) -> Option<Text> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines().filter(|line| !line.starts_with('#'));
        let (method, target) = lines.next()?.split_once(' ')?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = match method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PATCH" => Method::Patch,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            _ => return None,
        };
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": "))
            .map(|line| line.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Option<_>>()?;
        let prefer = headers
            .iter()
            .filter(|(name, _)| name == "Prefer")
            .map(|(_, value)| value.clone())
            .collect();
        // `/rest/v1/…` is PostgREST's mount, everything else Fluxbase's; `/rpc/` calls.
        let (dialect, path) = match path.strip_prefix("/rest/v1") {
            Some(rest) => (Dialect::PostgRest, rest),
            None => (Dialect::Fluxbase, path),
        };
        let (call, path) = match path.strip_prefix("/rpc") {
            Some(rest) => (true, rest),
            None => (false, path),
        };
        // Only what the corpus needs of a router's percent-decoding.
        let segment = |text: &str| {
            text.replace("%20", " ")
                .replace("%22", "\"")
                .replace("%2F", "/")
        };
        let path: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(segment)
            .collect();
        (path.len() <= 3).then(|| Text {
            dialect,
            call,
            method,
            path,
            query: query.to_owned(),
            prefer,
            headers,
            body: body.trim_end_matches('\n').as_bytes().to_vec(),
        })
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    }

    /// Runs `then` with the request as the compiler takes it.
    pub fn with<T>(&self, then: impl FnOnce(&Request<'_>) -> T) -> T {
        let prefer: Vec<&str> = self.prefer.iter().map(String::as_str).collect();
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let (schema, table, id) = match path.as_slice() {
            [table] => (self.header("Schema"), *table, None),
            [schema, table] => (Some(*schema), *table, None),
            [schema, table, id] => (Some(*schema), *table, Some(*id)),
            other => panic!("{other:?} is no path of a table"),
        };
        then(&Request {
            schema,
            id,
            query: &self.query,
            prefer: &prefer,
            accept: self.header("Accept"),
            content_type: self.header("Content-Type"),
            range: self.header("Range"),
            body: &self.body,
            ..Request::new(self.dialect, self.method, table)
        })
    }

    /// Reads it as its address says: a table or a function.
    pub fn parse<'a>(call: bool, request: &Request<'a>) -> Result<Ask<'a>, Error> {
        if call {
            rest::parse_call(request)
        } else {
            rest::parse(request)
        }
    }

    /// Compiles it; `seen` is shown what lies between the stages.
    pub fn compile(
        &self,
        catalog: &Catalog,
        seen: impl FnOnce(&Ask<'_>, &plan::Plan<'_>),
    ) -> Result<Statement, Error> {
        self.with(|request| {
            let ask = Text::parse(self.call, request)?;
            let limits = Limits {
                plans: true,
                ..Limits::default()
            };
            let plan = plan::plan(&ask, catalog, &limits)?;
            seen(&ask, &plan);
            Ok(sql::print(&plan))
        })
    }
}

/// The files of the corpus with their names, in order.
pub fn corpus() -> Vec<(String, Text)> {
    let mut files: Vec<_> = std::fs::read_dir(tests().join("corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, Text::read(&std::fs::read_to_string(&path).unwrap()))
    };
    files.into_iter().map(read).collect()
}
