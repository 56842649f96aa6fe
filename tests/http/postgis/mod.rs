//! PostGIS itself, with its seven hundred functions in a schema that is served: rows as GeoJSON, places in and out, and
//! everything else as if it were not there.

mod features;

use crate::site::Site;
use fluxbase_tests::additions::Addition;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response, encoded};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};

/// `{gis}` is the schema PostGIS is in.
const SCHEMA: &str = r#"
    create table public.places (
        id int primary key, owner uuid not null default auth.uid(), name text,
        at {gis}.geometry(Point, 4326), shape {gis}.geometry(Polygon, 4326), flight {gis}.geometry(PointZ, 4326),
        spot {gis}.geography(Point, 4326)
    );
    alter table public.places enable row level security, force row level security;
    create policy own on public.places using (owner = auth.uid()) with check (owner = auth.uid());
    grant all on public.places to authenticated;
    grant select on public.places to anon;
    create table public.visits (
        id int primary key, place int references public.places, note text, seen {gis}.geometry(Point, 4326)
    );
    grant all on public.visits to authenticated;
    create domain public.corner as {gis}.geometry(Point, 4326);
    create table public.corners (id int primary key, at public.corner);
    insert into public.corners values (1, 'SRID=4326;POINT(1 2)');
    grant select on public.corners to authenticated;
    create function public.nearest() returns setof public.places stable language sql
      as $$ select * from public.places order by id limit 1 $$;
    -- Before it in every order: what anybody may make who may make schemas.
    create schema attacker;
    grant usage on schema attacker to authenticated;
    create domain attacker.geometry as point;
    create function attacker.st_asgeojson(record) returns text language plpgsql as $$ begin return '"stolen"'; end $$;
"#;

const PLACES: &str = "/rest/v1/places";
const GEO_JSON: &str = "application/geo+json";

/// Who has five places, and somebody else, who has one.
struct World {
    site: Site,
    ann: String,
    bob: String,
}

/// One database for the tests that change nothing in it.
type Shared = Arc<OnceLock<World>>;

impl World {
    fn new(fixture: &Arc<Fixture>, gis: &str, settings: &[(&str, &str)]) -> Self {
        let database = fixture.database();
        let mut superuser = database.superuser();
        let statements = format!(
            "create schema if not exists {gis}; grant usage on schema {gis} to anon, authenticated;
             create extension postgis schema {gis}; set search_path = public, {gis}; {}",
            SCHEMA.replace("{gis}", gis)
        );
        superuser.batch_execute(&statements).expect("PostGIS");
        let site = Site::on(database, settings);
        let (ann, bob) = (fixture.ann.token.clone(), fixture.bob.token.clone());
        let world = Self { site, ann, bob };
        let places = json!([
            {"id": 1, "name": "harbour", "at": "SRID=4326;POINT(1 2)", "spot": "POINT(3 4)",
             "shape": "SRID=4326;POLYGON((0 0,9 0,9 9,0 9,0 0),(2 2,3 2,3 3,2 2))", "flight": "SRID=4326;POINT Z(1 2 3)"},
            {"id": 2, "name": "nowhere", "at": null, "spot": null, "shape": null, "flight": null},
            {"id": 3, "name": "hill", "at": {"type": "Point", "coordinates": [-5.5, 60]}, "spot": null, "shape": null, "flight": null},
        ]);
        world.post(&world.ann, PLACES, &places).expect(201);
        let other = json!({"id": 9, "name": "of Bob", "at": "SRID=4326;POINT(9 9)"});
        world.post(&world.bob, PLACES, &other).expect(201);
        let visits =
            json!([{"id": 1, "place": 1, "note": "windy"}, {"id": 2, "place": 1, "note": "calm"}]);
        world
            .post(&world.ann, "/rest/v1/visits", &visits)
            .expect(201);
        world
    }

    fn request(&self, method: &str, target: &str) -> Request {
        self.site.request(method, target).bearer(&self.ann)
    }

    fn rows(&self, target: &str) -> Value {
        self.request("GET", target).send().expect(200)
    }

    fn post(&self, token: &str, target: &str, body: &Value) -> Response {
        let request = self.site.request("POST", target).bearer(token);
        request
            .header("Prefer", "return=representation")
            .json(body)
            .send()
    }

    fn geo(&self, target: &str) -> Response {
        self.request("GET", target)
            .header("Accept", GEO_JSON)
            .send()
    }

    /// Ids of the features of an answer that is a collection of them.
    #[track_caller]
    fn ids(&self, answer: &Response) -> Vec<i64> {
        let collection = answer.json();
        assert_eq!(collection["type"], "FeatureCollection", "{collection}");
        let features = collection["features"].as_array().expect("features");
        let id = |feature: &Value| {
            assert_eq!(feature["type"], "Feature", "{feature}");
            feature["properties"]["id"].as_i64().expect("an id")
        };
        features.iter().map(id).collect()
    }
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let wanted = Addition::Postgis.is_wanted(&fixture.cluster.root);
    let shared: Shared = Arc::default();
    let mut trials = Vec::new();
    let mut add = |name: &'static str, body: fn(&World)| {
        let (shared, own) = (Arc::clone(&shared), Arc::clone(fixture));
        let name = format!("postgis::{name}");
        let trial = trial(&fixture.cluster, name, move || {
            body(shared.get_or_init(|| World::new(&own, "public", &[])));
        });
        trials.push(trial.with_ignored_flag(!wanted));
    };
    add("rows_are_features_with_their_places", features::features);
    add(
        "what_has_no_place_makes_no_feature",
        features::without_place,
    );
    add(
        "a_maker_of_features_of_somebody_else_is_not_called",
        features::stolen,
    );
    add("features_are_filtered_limited_and_paged", features::pages);
    add(
        "features_are_of_rows_that_policies_show",
        features::policies,
    );
    add(
        "related_rows_are_properties_and_a_spread_place_is_one",
        features::embedded,
    );
    add("a_place_is_geojson_in_json_and_text_elsewhere", shown);
    add("a_place_that_is_none_changes_nothing", refused);
    add("places_are_compared_and_have_parts", compared);
    add("the_functions_of_postgis_are_called_and_found", called);
    add(
        "the_descriptions_hold_with_seven_hundred_functions",
        described,
    );
    for (name, body) in [
        (
            "places_are_written_as_geojson_and_as_text",
            written as fn(&Arc<Fixture>),
        ),
        (
            "reference_systems_are_seen_by_grant_alone",
            reference_systems,
        ),
        (
            "in_a_schema_that_is_not_served_it_works_the_same",
            elsewhere,
        ),
    ] {
        let own = Arc::clone(fixture);
        let trial = trial(&fixture.cluster, format!("postgis::{name}"), move || {
            body(&own)
        });
        trials.push(trial.with_ignored_flag(!wanted));
    }
    trials
}

/// As PostGIS has its values made JSON: with their reference system, and of geography the text.
fn shown(world: &World) {
    let crs = json!({"type": "name", "properties": {"name": "EPSG:4326"}});
    let place = json!({"id": 1, "at": {"type": "Point", "crs": crs, "coordinates": [1, 2]},
        "spot": "0101000020E610000000000000000008400000000000001040"});
    let target = "?select=id,at,spot&id=eq.1";
    assert_eq!(world.rows(&format!("{PLACES}{target}")), json!([place]));
    assert_eq!(
        world.rows(&format!("/api/v1/tables/places{target}")),
        json!([place])
    );
    // Named by the caller, a row is put together another way.
    let named = world.rows("/rest/v1/places?select=point:at,none:shape&id=in.(1,2)&order=id");
    assert_eq!(named[0]["point"], place["at"]);
    assert_eq!(named[1], json!({"point": null, "none": null}));
    let csv = world.request("GET", "/rest/v1/places?select=id,at&order=id&limit=2");
    let csv = csv.header("Accept", "text/csv").send();
    assert_eq!(
        csv.text(),
        "id,at\n1,0101000020E6100000000000000000F03F0000000000000040\n2,"
    );
    let corner = world.rows("/rest/v1/corners?id=eq.1");
    assert_eq!(corner[0]["at"]["coordinates"], json!([1, 2]));
}

fn written(fixture: &Arc<Fixture>) {
    let world = World::new(fixture, "public", &[]);
    let hex = "0101000020E610000000000000000014400000000000001840";
    for place in [
        json!({"type": "Point", "coordinates": [5, 6]}),
        json!("SRID=4326;POINT(5 6)"),
        // The column's own reference system.
        json!("POINT(5 6)"),
        json!(hex),
    ] {
        let row = json!({"id": 100, "at": place, "spot": "POINT(5 6)"});
        let target = format!("{PLACES}?select=at,spot");
        let made = world.post(&world.ann, &target, &row).expect(201);
        assert_eq!(made[0]["at"]["coordinates"], json!([5, 6]), "{place}");
        assert_eq!(made[0]["spot"], hex);
        let changed = world
            .request("PATCH", &format!("{PLACES}?id=eq.100&select=id,at"))
            .header("Accept", GEO_JSON)
            .header("Prefer", "return=representation")
            .json(&json!({"at": {"type": "Point", "coordinates": [7, 8]}}))
            .send();
        assert_eq!(
            changed.expect(200)["features"][0]["geometry"]["coordinates"],
            json!([7, 8])
        );
        let gone = world.request("DELETE", &format!("{PLACES}?id=eq.100"));
        assert_eq!(gone.send().status, 204);
    }
}

fn refused(world: &World) {
    let square = json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 0]]]});
    for place in [
        square,
        json!("SRID=4326;POINT Z(1 2 3)"),
        json!("SRID=3857;POINT(1 2)"),
    ] {
        let answer = world.post(&world.ann, PLACES, &json!({"id": 200, "at": place}));
        answer.told(400, "22023");
        assert_eq!(
            world.rows("/rest/v1/places?id=eq.200"),
            json!([]),
            "{place}"
        );
    }
}

fn compared(world: &World) {
    let ids = |filter: &str| world.rows(&format!("{PLACES}?select=id&order=id&{filter}"));
    let point = encoded("SRID=4326;POINT(1 2)");
    assert_eq!(ids(&format!("at=eq.{point}")), json!([{"id": 1}]));
    assert_eq!(ids(&format!("at=in.(%22{point}%22)")), json!([{"id": 1}]));
    assert_eq!(ids("at=is.null"), json!([{"id": 2}]));
    assert_eq!(ids(&format!("shape=ov.{point}")), json!([{"id": 1}]));
    // What becomes JSON with parts has them.
    assert_eq!(ids("at-%3E%3Etype=eq.Point"), json!([{"id": 1}, {"id": 3}]));
    let parts =
        world.rows("/rest/v1/places?select=x:at-%3Ecoordinates-%3E0,kind:at-%3E%3Etype&id=eq.1");
    assert_eq!(parts, json!([{"x": 1, "kind": "Point"}]));
    // Text is no JSON, and PostGIS makes none of geography.
    let path = world
        .request("GET", "/rest/v1/places?select=spot-%3Ecoordinates")
        .send();
    path.told(404, "42883");
    let like = world.request("GET", "/rest/v1/places?at=like.x").send();
    like.told(404, "42883");
}

fn called(world: &World) {
    let between = |arguments: &str| {
        let target = format!("/rest/v1/rpc/st_distance?{arguments}");
        world.request("GET", &target).send()
    };
    assert_eq!(
        between("geom1=POINT(0%200)&geom2=POINT(3%204)").expect(200),
        json!(5)
    );
    // Whoever leaves an argument out is told of the nearest, out of seven hundred.
    let told = between("geom1=POINT(0%200)&geom=POINT(3%204)").told(404, "PGRST202");
    assert!(
        told["hint"]
            .as_str()
            .expect("a hint")
            .contains("st_distance("),
        "{told}"
    );
    let told = world
        .request("GET", "/rest/v1/rpc/st_distanc?geom1=x&geom2=y")
        .send();
    let told = told.told(404, "PGRST202");
    assert!(
        told["hint"]
            .as_str()
            .expect("a hint")
            .contains("st_distance("),
        "{told}"
    );
}

const INTROSPECTION: &str = "{ __schema { queryType { fields { name args { name type { name kind ofType { name } } } type { name kind } } } \
     mutationType { fields { name } } types { name kind fields { name } inputFields { name } enumValues { name } } } }";

fn described(world: &World) {
    let document = world.rows("/rest/v1/");
    let paths = document["paths"].as_object().expect("paths");
    for path in [
        "/rest/v1/places",
        "/rest/v1/visits",
        "/rest/v1/spatial_ref_sys",
        "/rest/v1/rpc/st_distance",
        "/rest/v1/rpc/nearest",
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let document = world.rows("/api/v1/openapi.json");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.contains_key("/api/v1/tables/places"));
    let ask = |query: &str| {
        let request = world.request("POST", "/api/v1/graphql");
        let answer = request.json(&json!({"query": query})).send().expect(200);
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        answer["data"].clone()
    };
    let schema = ask(INTROSPECTION);
    let fields = schema["__schema"]["queryType"]["fields"]
        .as_array()
        .expect("fields");
    let named = |name: &str| fields.iter().any(|field| field["name"] == name);
    assert!(named("places") && named("visits") && named("nearest"));
    let places =
        ask("{ places(filter: {id_lte: 2}, orderBy: {id: ASC}) { id name at visits { note } } }");
    assert_eq!(
        places["places"],
        json!([
            {"id": 1, "name": "harbour", "at": "0101000020E6100000000000000000F03F0000000000000040",
             "visits": [{"note": "windy"}, {"note": "calm"}]},
            {"id": 2, "name": "nowhere", "at": null, "visits": []},
        ])
    );
}

/// Its table belongs to the superuser, who alone made it readable for everybody.
fn reference_systems(fixture: &Arc<Fixture>) {
    let world = World::new(fixture, "public", &[]);
    let target = "/rest/v1/spatial_ref_sys?select=srid,auth_name&srid=eq.4326";
    assert_eq!(
        world.rows(target),
        json!([{"srid": 4326, "auth_name": "EPSG"}])
    );
    let change = || world.request("PATCH", "/rest/v1/spatial_ref_sys?srid=eq.4326");
    change()
        .json(&json!({"auth_name": "x"}))
        .send()
        .told(403, "42501");
    let mut superuser = world.site.database.superuser();
    superuser
        .batch_execute("revoke select on public.spatial_ref_sys from public")
        .expect("revoked");
    world.request("GET", target).send().told(403, "42501");
    for _ in 0..100 {
        if world.rows("/rest/v1/")["paths"]
            .get("/rest/v1/spatial_ref_sys")
            .is_none()
        {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let paths = world.rows("/rest/v1/")["paths"].clone();
    assert_eq!(paths.get("/rest/v1/spatial_ref_sys"), None);
    assert!(paths.get("/rest/v1/places").is_some());
    // A feature names no reference system, and needs none.
    assert_eq!(
        world.ids(&world.geo("/rest/v1/places?select=id,at&order=id")),
        [1, 2, 3]
    );
}

fn elsewhere(fixture: &Arc<Fixture>) {
    let world = World::new(
        fixture,
        "extensions",
        &[("API_EXTRA_SEARCH_PATH", "extensions")],
    );
    let answer = world.geo("/rest/v1/places?select=id,at&order=id");
    assert_eq!((answer.status, world.ids(&answer)), (200, vec![1, 2, 3]));
    compared(&world);
    shown(&world);
    let called = world
        .request("GET", "/rest/v1/rpc/st_distance?geom1=x&geom2=y")
        .send();
    called.told(404, "PGRST202");
    world
        .request("GET", "/rest/v1/spatial_ref_sys")
        .send()
        .told(404, "PGRST205");
}
