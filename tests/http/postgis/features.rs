//! Rows as GeoJSON: which become features, of whom, and by whose function.

use super::{GEO_JSON, World};
use serde_json::{Value, json};

pub fn features(world: &World) {
    let answer = world.geo("/rest/v1/places?select=id,name,at&order=id");
    assert_eq!(
        answer.header("content-type"),
        Some("application/geo+json; charset=utf-8")
    );
    let feature = |id: i32, name: &str, geometry: Value| json!({"type": "Feature", "geometry": geometry, "properties": {"id": id, "name": name}});
    let harbour = feature(
        1,
        "harbour",
        json!({"type": "Point", "coordinates": [1, 2]}),
    );
    let hill = feature(
        3,
        "hill",
        json!({"type": "Point", "coordinates": [-5.5, 60]}),
    );
    assert_eq!(
        answer.expect(200),
        json!({"type": "FeatureCollection", "features": [harbour, feature(2, "nowhere", Value::Null), hill]})
    );
    for (column, geometry) in [
        (
            "shape",
            json!({"type": "Polygon", "coordinates": [
            [[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]], [[2, 2], [3, 2], [3, 3], [2, 2]]]}),
        ),
        ("flight", json!({"type": "Point", "coordinates": [1, 2, 3]})),
        ("spot", json!({"type": "Point", "coordinates": [3, 4]})),
    ] {
        let answer = world.geo(&format!("/rest/v1/places?select=id,{column}&id=eq.1"));
        let feature = json!({"type": "Feature", "geometry": geometry, "properties": {"id": 1}});
        assert_eq!(
            answer.expect(200),
            json!({"type": "FeatureCollection", "features": [feature]}),
            "{column}"
        );
    }
    // Of several places the first is the feature's, and the others are properties.
    let both = world
        .geo("/rest/v1/places?select=flight,at&id=eq.1")
        .expect(200);
    assert_eq!(
        both["features"][0]["geometry"]["coordinates"],
        json!([1, 2, 3])
    );
    assert_eq!(
        both["features"][0]["properties"]["at"]["coordinates"],
        json!([1, 2])
    );
    let called = world.geo("/rest/v1/rpc/nearest?select=id,at");
    assert_eq!((called.status, world.ids(&called)), (200, vec![1]));
    // The other mount has a form of its own.
    let own = world.request("GET", "/api/v1/tables/places?select=id&id=eq.1");
    assert_eq!(
        own.header("Accept", GEO_JSON).send().expect(200),
        json!([{"id": 1}])
    );
}

/// 1. Ask for features where there is no place, so that what PostGIS says depends on whether there are rows. 2. Write, and
///    have the answer fail behind the writing.
pub fn without_place(world: &World) {
    for target in [
        "/rest/v1/visits?select=id,note",
        "/rest/v1/visits?select=id,note&id=eq.0",
        "/rest/v1/places?select=id,name",
        "/rest/v1/places?select=id,at::text",
        "/rest/v1/visits?select=id,places(at)",
        // PostGIS does not look below a domain.
        "/rest/v1/corners",
    ] {
        world.geo(target).told(406, "PGRST107");
    }
    world
        .geo("/rest/v1/places?select=id,place:at")
        .told(400, "PGRST127");
    let write = world
        .request("POST", "/rest/v1/visits?select=id")
        .header("Accept", GEO_JSON)
        .header("Prefer", "return=representation");
    write.json(&json!({"id": 77})).send().told(406, "PGRST107");
    assert_eq!(world.rows("/rest/v1/visits?id=eq.77"), json!([]));
    let none = world
        .geo("/rest/v1/places?select=id,at&id=eq.0")
        .expect(200);
    assert_eq!(none, json!({"type": "FeatureCollection", "features": []}));
}

/// 1. Make a type called geometry, and a function called as PostGIS's, in a schema of one's own. 2. Wait for somebody who
///    asks for GeoJSON, and run as them.
pub fn stolen(world: &World) {
    let answer = world.geo("/rest/v1/places?select=id,at&order=id");
    assert_eq!((answer.status, world.ids(&answer)), (200, vec![1, 2, 3]));
    assert!(!answer.text().contains("stolen"));
}

pub fn pages(world: &World) {
    let answer = world.geo("/rest/v1/places?select=id,at&name=like.h*&order=id.desc");
    assert_eq!(world.ids(&answer), [3, 1]);
    let answer = world.geo("/rest/v1/places?select=id,at&order=id&limit=1&offset=1");
    assert_eq!(world.ids(&answer), [2]);
    let answer = world
        .request("GET", "/rest/v1/places?select=id,at&order=id")
        .header("Accept", GEO_JSON)
        .header("Range", "1-2")
        .header("Prefer", "count=exact")
        .send();
    assert_eq!((answer.status, world.ids(&answer)), (206, vec![2, 3]));
    assert_eq!(answer.header("content-range"), Some("1-2/3"));
}

pub fn policies(world: &World) {
    let of = |token: Option<&str>| {
        let request = world
            .site
            .get("/rest/v1/places?select=id,at&order=id")
            .header("Accept", GEO_JSON);
        let answer = match token {
            Some(token) => request.bearer(token).send(),
            None => request.send(),
        };
        assert_eq!(answer.status, 200);
        world.ids(&answer)
    };
    assert_eq!(of(Some(&world.bob)), [9]);
    assert_eq!(of(None), Vec::<i64>::new());
    assert_eq!(of(Some(&world.ann)), [1, 2, 3]);
}

pub fn embedded(world: &World) {
    let answer = world.geo("/rest/v1/places?select=id,at,visits(id,note)&visits.order=id&id=eq.1");
    assert_eq!(
        answer.expect(200)["features"],
        json!([{
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [1, 2]},
            "properties": {"id": 1, "visits": [{"id": 1, "note": "windy"}, {"id": 2, "note": "calm"}]},
        }])
    );
    let inner = world.geo("/rest/v1/places?select=id,at,visits!inner(id)");
    assert_eq!((inner.status, world.ids(&inner)), (200, vec![1]));
    let spread = world
        .geo("/rest/v1/visits?select=id,...places(at)&order=id")
        .expect(200);
    assert_eq!(
        spread["features"][1]["geometry"]["coordinates"],
        json!([1, 2])
    );
    // Of many rows a place becomes an array, which is none.
    world
        .geo("/rest/v1/places?select=id,...visits(seen)")
        .told(406, "PGRST107");
}
