//! `/graphiql`: a page to write GraphQL on, for development alone. The page is ours; what it loads is others', held by the
//! binary where it was built with the feature `graphiql`, so that nothing comes from anywhere but this server.
//!
//! It stands outside the gate like every public file: what it asks goes through the gate of `/api/v1/graphql`.

use crate::app::{no_such_route, only, reads};
use crate::config::{ConfigError, GraphQl};
use crate::error::Failure;
use crate::reply::tag;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;

/// Scripts and styles of this server, fonts and pictures within the styles, requests to this server; nothing else. The hash is
/// that of the one style element GraphiQL makes, which keeps the page behind an open dialog from being scrolled; all other
/// styles are set property by property, which no policy is asked about.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc='; connect-src 'self'; \
     img-src data:; font-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// One file, in the binary's read-only part: no memory is taken before somebody asks for it.
struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const PAGE: File = File {
    name: "",
    kind: HTML,
    bytes: include_bytes!("graphiql/page.html"),
};

/// What `deploy/graphiql` fetched.
#[cfg(feature = "graphiql")]
macro_rules! fetched {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../.fluxbase/graphiql/",
            $name
        ))
    };
}

static FILES: &[File] = &[
    File {
        name: "page.css",
        kind: STYLE,
        bytes: include_bytes!("graphiql/page.css"),
    },
    File {
        name: "start.js",
        kind: SCRIPT,
        bytes: include_bytes!("graphiql/start.js"),
    },
    #[cfg(feature = "graphiql")]
    File {
        name: "graphiql.min.css",
        kind: STYLE,
        bytes: fetched!("graphiql.min.css"),
    },
    #[cfg(feature = "graphiql")]
    File {
        name: "graphiql.min.js",
        kind: SCRIPT,
        bytes: fetched!("graphiql.min.js"),
    },
    #[cfg(feature = "graphiql")]
    File {
        name: "react.production.min.js",
        kind: SCRIPT,
        bytes: fetched!("react.production.min.js"),
    },
    #[cfg(feature = "graphiql")]
    File {
        name: "react-dom.production.min.js",
        kind: SCRIPT,
        bytes: fetched!("react-dom.production.min.js"),
    },
];

/// Whether the binary has what it is told to serve.
///
/// # Errors
/// It was built without the feature.
pub fn require(graphql: &GraphQl) -> Result<(), ConfigError> {
    match graphql.graphiql && cfg!(not(feature = "graphiql")) {
        false => Ok(()),
        true => Err(ConfigError::NotBuilt {
            name: GraphQl::GRAPHIQL,
            feature: "graphiql",
            how: "deploy/graphiql fetches the files for it",
        }),
    }
}

/// The routes, where the page is on; else they are unknown like any other path.
pub fn routes(config: &GraphQl) -> impl FnOnce(&mut web::ServiceConfig) + use<> {
    let on = config.graphiql;
    move |app| {
        if on {
            app.service(only(
                "/graphiql",
                "GET, HEAD",
                web::route().guard(reads()).to(page),
            ))
            .service(only(
                "/graphiql/{file}",
                "GET, HEAD",
                web::route().guard(reads()).to(file),
            ));
        }
    }
}

async fn page(http: HttpRequest) -> HttpResponse {
    answer(&http, &PAGE)
}

async fn file(http: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, Failure> {
    match FILES.iter().find(|file| file.name == *name) {
        Some(file) => Ok(answer(&http, file)),
        None => no_such_route().await,
    }
}

/// The file, or that the browser has it; asked about each time, since the next build may hold another.
fn answer(http: &HttpRequest, file: &File) -> HttpResponse {
    let tag = tag::of(file.bytes, None);
    let known = tag::is_known(http.headers(), &tag);
    let mut response = match known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((ETAG, tag));
    match known {
        true => response.finish(),
        false => response
            .insert_header((CONTENT_TYPE, file.kind))
            .body(Bytes::from_static(file.bytes)),
    }
}
