//! Media types: those that functions make, those that are made of rows, and `OPTIONS`.

use super::{Body, User};
use serde_json::json;

pub const SCHEMA: &str = r#"
    create domain public."text/html" as text;
    create domain public."image/png" as bytea;
    create domain public."application/vnd.shop+json" as jsonb;
    create domain public."text/x: y" as text;
    create function public.home() returns public."text/html" stable language sql
      as $$ select '<h1>é ' || current_user || '</h1>' $$;
    create function public.dot() returns public."image/png" immutable language sql as $$ select '\x89504e47'::bytea $$;
    create function public.parts() returns setof public."text/html" immutable language sql
      as $$ select '<i>' || n || '</i>' from generate_series(1, 2) n $$;
    create function public.shop() returns public."application/vnd.shop+json" immutable language sql
      as $$ select '{"open": true}'::jsonb $$;
    create function public.crooked() returns public."text/x: y" immutable language sql as $$ select 'crooked' $$;
"#;

pub const TRIALS: &[(&str, Body)] = &[
    ("a_function_makes_the_media_type_of_its_domain", made),
    ("a_media_type_that_is_not_made_is_refused", not_made),
    ("a_name_that_is_no_media_type_makes_none", crooked),
    ("options_tell_the_methods_there_are", options),
];

/// Status, type and body.
fn told(user: &User, target: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let answer = user.get(target).header("Accept", accept).send();
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    (answer.status, kind, answer.body)
}

fn made(user: &User) {
    let home = "<h1>é authenticated</h1>".as_bytes();
    let browser = "text/html,application/xhtml+xml,image/webp,*/*;q=0.8";
    for (function, accept, kind, body) in [
        ("home", "text/html", "text/html; charset=utf-8", home),
        ("home", "*/*", "text/html; charset=utf-8", home),
        ("home", browser, "text/html; charset=utf-8", home),
        ("home", "TEXT/HTML", "text/html; charset=utf-8", home),
        ("dot", "image/png", "image/png", b"\x89PNG"),
        ("dot", "image/*, */*", "image/png", b"\x89PNG"),
        (
            "parts",
            "text/html",
            "text/html; charset=utf-8",
            b"<i>1</i><i>2</i>",
        ),
        (
            "shop",
            "application/vnd.shop+json",
            "application/vnd.shop+json",
            b"{\"open\": true}",
        ),
        // JSON is made of everything.
        (
            "dot",
            "application/json",
            "application/json; charset=utf-8",
            b"\"\\\\x89504e47\"",
        ),
    ] {
        let target = format!("/rest/v1/rpc/{function}");
        let expected = (200, kind.to_owned(), body.to_vec());
        assert_eq!(told(user, &target, accept), expected, "{function} {accept}");
        let posted = user
            .request("POST", &target)
            .header("Accept", accept)
            .json(&json!({}))
            .send();
        assert_eq!(
            (posted.status, posted.body.as_slice()),
            (200, body),
            "{function}"
        );
    }
    // The other mount has a form of its own.
    let call = user
        .request("POST", "/api/v1/rpc/default/home")
        .json(&json!({}))
        .send();
    assert_eq!(call.expect(200)["result"], "<h1>é authenticated</h1>");
}

fn not_made(user: &User) {
    for (target, accept) in [
        ("/rest/v1/rpc/home", "image/png"),
        ("/rest/v1/rpc/dot", "text/html"),
        ("/rest/v1/rpc/add_them?a=1", "text/html"),
        ("/rest/v1/things", "text/html"),
        ("/rest/v1/things", "image/png, text/html;q=0.5"),
    ] {
        user.get(target)
            .header("Accept", accept)
            .send()
            .told(406, "PGRST107");
    }
    // What else is accepted will do.
    let things = told(user, "/rest/v1/things?limit=1", "text/html, */*;q=0.1");
    assert_eq!(
        (things.0, things.1.as_str()),
        (200, "application/json; charset=utf-8")
    );
}

/// What stands in a header comes from a name that anybody who makes types may choose.
fn crooked(user: &User) {
    let (status, kind, body) = told(user, "/rest/v1/rpc/crooked", "*/*");
    assert_eq!(
        (status, kind.as_str()),
        (200, "application/json; charset=utf-8")
    );
    assert_eq!(body, b"\"crooked\"");
}

fn options(user: &User) {
    for (target, allow) in [
        ("/rest/v1/", "OPTIONS, GET, HEAD"),
        (
            "/rest/v1/things",
            "OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE",
        ),
        // A view that takes no writes.
        ("/rest/v1/per_name", "OPTIONS, GET, HEAD"),
        ("/rest/v1/rpc/add_them", "OPTIONS, GET, HEAD, POST"),
        ("/rest/v1/rpc/note_one", "OPTIONS, POST"),
    ] {
        let answer = user.request("OPTIONS", target).send();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, b"".as_slice()),
            "{target}"
        );
        assert_eq!(answer.header("allow"), Some(allow), "{target}");
    }
    let drawer = user
        .request("OPTIONS", "/rest/v1/drawer")
        .header("Accept-Profile", "private")
        .send();
    assert_eq!(drawer.status, 200);
    user.request("OPTIONS", "/rest/v1/drawer")
        .send()
        .told(404, "PGRST205");
    user.request("OPTIONS", "/rest/v1/rpc/nothing")
        .send()
        .told(404, "PGRST202");
}
