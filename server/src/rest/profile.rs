//! Which of the schemas served a request to `/rest/v1` means: `Accept-Profile` says it of what is read,
//! `Content-Profile` of what is sent.

use crate::config::Api;
use crate::error::Failure;
use actix_web::HttpRequest;
use actix_web::http::Method;

/// The schema of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile<'a> {
    /// One of `api.schemas`.
    pub schema: &'a str,
    only: bool,
}

impl<'a> Profile<'a> {
    /// What the answer says in `Content-Profile`; nothing where there was no choice.
    pub fn told(self) -> Option<&'a str> {
        (!self.only).then_some(self.schema)
    }
}

/// The schema a request means: that of its header, or the first one served.
///
/// # Errors
/// When the header names one that is not served.
pub fn of<'a>(http: &HttpRequest, api: &'a Api) -> Result<Profile<'a>, Failure> {
    let header = match *http.method() {
        Method::GET | Method::HEAD | Method::OPTIONS => "accept-profile",
        _ => "content-profile",
    };
    let named = http.headers().get(header);
    let schema = match named {
        None => api.schemas.first(),
        Some(named) => api
            .schemas
            .iter()
            .find(|schema| schema.as_bytes() == named.as_bytes()),
    };
    match schema {
        Some(schema) => Ok(Profile {
            schema,
            only: api.schemas.len() == 1,
        }),
        None => Err(Failure::NoSuchSchema {
            served: api.schemas.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::config::{Config, Environment};
    use crate::error::Failure;
    use actix_web::test::TestRequest;

    fn schema(served: &str, request: TestRequest) -> Result<(String, Option<String>), Failure> {
        let yaml = format!("api: {{schemas: '{served}'}}");
        let config = Config::from_text(&yaml, &Environment::default(), Vec::new()).unwrap();
        let profile = of(&request.to_http_request(), &config.api)?;
        Ok((profile.schema.to_owned(), profile.told().map(str::to_owned)))
    }

    fn named(method: TestRequest, header: &str) -> TestRequest {
        method.insert_header((header, "app"))
    }

    #[test]
    fn reading_and_writing_have_a_header_each() {
        let app = || Ok(("app".to_owned(), Some("app".to_owned())));
        let public = || Ok(("public".to_owned(), Some("public".to_owned())));
        let both = "public, app";
        for (request, expected) in [
            (named(TestRequest::get(), "accept-profile"), app()),
            (named(TestRequest::get(), "content-profile"), public()),
            (named(TestRequest::post(), "content-profile"), app()),
            (named(TestRequest::post(), "accept-profile"), public()),
            (
                named(
                    TestRequest::default().method(actix_web::http::Method::OPTIONS),
                    "accept-profile",
                ),
                app(),
            ),
            (named(TestRequest::delete(), "content-profile"), app()),
            (TestRequest::get(), public()),
        ] {
            let expected: Result<_, Failure> = expected;
            assert_eq!(schema(both, request).unwrap(), expected.unwrap());
        }
    }

    #[test]
    fn a_schema_that_is_not_served_is_refused_with_those_that_are() {
        let refused = schema("public", named(TestRequest::get(), "accept-profile"));
        let Err(Failure::NoSuchSchema { served }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(served, ["public"]);
    }

    #[test]
    fn where_one_schema_is_served_nothing_is_said_of_it() {
        let found = schema("app", TestRequest::get()).unwrap();
        assert_eq!(found, ("app".to_owned(), None));
    }
}
