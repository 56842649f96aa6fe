//! Media types: those that functions make, those that are made of rows, and `OPTIONS`.

use super::{Body, User};
use serde_json::{Value, json};

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
    create schema gis;
    grant usage on schema gis to anon, authenticated;
    create domain gis.geometry as point;
    create function gis.st_asgeojson(record) returns text immutable language plpgsql as $$
      begin
        return json_build_object('type', 'Feature', 'geometry', null, 'properties', to_json($1))::text;
      end $$;
    -- What stands for PostGIS is one of its name: only who may make extensions could.
    set allow_system_table_mods = on;
    insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      values (999999, 'postgis', 10, 'gis'::regnamespace, false, '3');
    reset allow_system_table_mods;
    alter extension postgis add domain gis.geometry;
    alter extension postgis add function gis.st_asgeojson(record);
    -- Before it in every order: what anybody may make who may make schemas.
    create schema attacker;
    grant usage on schema attacker to authenticated;
    create domain attacker.geometry as point;
    create function attacker.st_asgeojson(record) returns text language plpgsql as $$ begin return '"stolen"'; end $$;
"#;

pub const TRIALS: &[(&str, Body)] = &[
    ("a_function_makes_the_media_type_of_its_domain", made),
    ("a_media_type_that_is_not_made_is_refused", not_made),
    ("a_name_that_is_no_media_type_makes_none", crooked),
    ("rows_are_features_where_postgis_is", features),
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

/// 1. Make a type called geometry, and a function called as PostGIS's, in a schema of one's own. 2. Wait for somebody who
///    asks for GeoJSON, and run as them.
fn features(user: &User) {
    let target = "/rest/v1/things?select=id,name&id=lte.2&order=id";
    let (status, kind, body) = told(user, target, "application/geo+json");
    assert_eq!(
        (status, kind.as_str()),
        (200, "application/geo+json; charset=utf-8")
    );
    let feature = |id: i32, name: &str| json!({"type": "Feature", "geometry": null, "properties": {"id": id, "name": name}});
    let collection: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        collection,
        json!({"type": "FeatureCollection", "features": [feature(1, "apple"), feature(2, "Banana")]})
    );
    let none = told(user, "/rest/v1/things?id=eq.0", "application/geo+json");
    let none: Value = serde_json::from_slice(&none.2).expect("JSON");
    assert_eq!(none, json!({"type": "FeatureCollection", "features": []}));
    let item = user
        .prefer("POST", super::ITEMS, "return=representation")
        .header("Accept", "application/geo+json")
        .json(&json!({"name": "new"}))
        .send();
    assert_eq!(item.expect(201)["features"][0]["properties"]["name"], "new");
    user.get("/rest/v1/things?select=title:name")
        .header("Accept", "application/geo+json")
        .send()
        .told(400, "PGRST127");
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
