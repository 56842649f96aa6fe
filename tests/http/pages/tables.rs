use super::{Body, User};
use fluxbase_tests::http::encoded;
use serde_json::json;

pub const TRIALS: &[(&str, Body)] = &[
    ("read", read),
    ("operators", operators),
    ("logical_operators", logical),
    ("operator_modifiers", modifiers),
    ("pattern_matching", patterns),
    ("full_text_search", full_text),
    ("vertical_filtering", vertical),
    ("renaming_columns", renaming),
    ("casting_columns", casting),
    ("json_columns", json_columns),
    ("composite_and_array_columns", composite),
    ("computed_fields", computed),
    ("ordering", ordering),
    ("limits", limits),
    ("reserved_characters", reserved),
    ("unicode", unicode),
    ("execution_plan", plan),
];

fn read(user: &User) {
    assert_eq!(
        user.rows("competitions?order=id"),
        json!([{"id": 1, "name": "Cannes"}, {"id": 2, "name": "Berlin"}])
    );
    let head = user.request("HEAD", "competitions").send();
    assert_eq!((head.status, head.text().as_str()), (200, ""));
}

fn operators(user: &User) {
    for (condition, ids) in [
        ("year=eq.1985", vec![1]),
        ("year=neq.1985", vec![2, 3]),
        ("year=gt.1962", vec![1]),
        ("year=gte.1962", vec![1, 3]),
        ("year=lt.1962", vec![2]),
        ("year=lte.1962", vec![2, 3]),
        ("title=like.*an", vec![1]),
        ("title=ilike.i*", vec![2]),
        ("title=match.^[RI]", vec![1, 2]),
        ("title=imatch.^r", vec![1]),
        ("id=in.(1,3,9)", vec![1, 3]),
        ("title=in.(Ran,\"Cléo de 5 à 7\")", vec![1, 3]),
        ("year=is.null", vec![4]),
        ("year=is.not_null", vec![1, 2, 3]),
        ("year=isdistinct.1985", vec![2, 3, 4]),
        ("tags=cs.{life}", vec![2, 3]),
        ("tags=cd.{life,paris,war}", vec![2, 3, 4]),
        ("tags=ov.{paris,war}", vec![1, 3]),
        ("details=cs.{\"colour\":true}", vec![1, 4]),
        ("shown=sl.[1961,1970)", vec![2]),
        ("shown=sr.[1952,1960)", vec![1, 3]),
        ("shown=nxr.[1962,1970)", vec![2, 3]),
        ("shown=nxl.[1962,1970)", vec![1, 3]),
        ("shown=adj.[1960,1962)", vec![2, 3]),
        ("shown=ov.[1955,1963)", vec![2, 3]),
        ("year=not.eq.1985", vec![2, 3]),
    ] {
        let (name, value) = condition.split_once('=').expect("a condition");
        let target = format!("films?{name}={}", encoded(value));
        assert_eq!(user.ids(&target), ids, "{condition}");
    }
}

fn logical(user: &User) {
    assert_eq!(user.ids("films?year=gt.1960&year=lt.1980"), [3]);
    assert_eq!(user.ids("films?or=(year.eq.1985,year.eq.1952)"), [1, 2]);
    assert_eq!(
        user.ids("films?and=(year.gt.1950,or(title.eq.Ran,year.lt.1960))"),
        [1, 2]
    );
    assert_eq!(user.ids("films?not.or=(year.eq.1985,year.eq.1952)"), [3]);
    assert_eq!(user.ids("films?not.and=(year.gt.1950,id.lt.3)"), [3, 4]);
    assert_eq!(user.ids("films?or=(tags.cs.{war},tags.cs.{paris})"), [1, 3]);
}

fn modifiers(user: &User) {
    assert_eq!(user.ids("films?title=like(any).{R*,I*}"), [1, 2]);
    assert_eq!(user.ids("films?title=ilike(all).{*a*,*n}"), [1]);
    assert_eq!(user.ids("films?id=eq(any).{1,3}"), [1, 3]);
    assert_eq!(user.ids("films?id=gte(all).{1,3}"), [3, 4]);
    assert_eq!(user.ids("films?title=not.match(any).{^R,^I}"), [3, 4]);
}

fn patterns(user: &User) {
    assert_eq!(user.ids("films?title=like.I*u"), [2]);
    assert_eq!(user.ids("films?title=like.I%25u"), [2]);
    assert_eq!(user.ids("films?title=imatch.^cl%C3%A9o"), [3]);
}

fn full_text(user: &User) {
    assert_eq!(user.ids("films?title=fts.ran"), [1]);
    assert_eq!(user.ids("films?title=fts(english).untitled"), [4]);
    assert_eq!(user.ids("films?title=plfts.de%20cl%C3%A9o"), [3]);
    assert_eq!(user.ids("films?title=phfts.cl%C3%A9o%20de"), [3]);
    assert_eq!(user.ids("films?title=phfts.de%20cl%C3%A9o"), [0; 0]);
    assert_eq!(
        user.ids("films?title=wfts(simple).ran%20or%20ikiru"),
        [1, 2]
    );
    assert_eq!(user.ids("films?title=not.wfts.ran"), [2, 3, 4]);
}

fn vertical(user: &User) {
    assert_eq!(
        user.rows("films?select=title,year&id=eq.1"),
        json!([{"title": "Ran", "year": 1985}])
    );
}

fn renaming(user: &User) {
    assert_eq!(
        user.rows("films?select=name:title,made%20in:year&id=eq.1"),
        json!([{"name": "Ran", "made in": 1985}])
    );
}

fn casting(user: &User) {
    assert_eq!(
        user.rows("films?select=title,year::text,score:rating::int&id=eq.1"),
        json!([{"title": "Ran", "year": "1985", "score": 8}])
    );
}

fn json_columns(user: &User) {
    assert_eq!(
        user.rows("films?select=id,details->length->>minutes,hue:details->colour&id=eq.1"),
        json!([{"id": 1, "minutes": "162", "hue": true}])
    );
    // A key that goes by the name of its column.
    assert_eq!(
        user.rows("films?select=details->>details&id=eq.1"),
        json!([{"details": null}])
    );
    assert_eq!(user.ids("films?details->length->minutes=lt.150"), [2]);
    assert_eq!(user.ids("films?details->>colour=eq.true"), [1, 4]);
    assert_eq!(
        user.ids("films?details->length=not.is.null&order=details->length->minutes"),
        [2, 1]
    );
}

fn composite(user: &User) {
    assert_eq!(
        user.rows("films?select=id,place->>lat,long:place->long,first:tags->0&id=eq.1"),
        json!([{"id": 1, "lat": "34.5", "long": 135.5, "first": "war"}])
    );
    assert_eq!(user.ids("films?place->lat=gt.40"), [3]);
    assert_eq!(user.ids("films?tags->>-1=eq.paris"), [3]);
    assert_eq!(
        user.ids("films?place=not.is.null&order=place->>lat.desc"),
        [3, 1]
    );
}

fn computed(user: &User) {
    assert_eq!(
        user.each(
            "full_name",
            "directors?select=full_name&full_name=like.A*&order=full_name"
        ),
        ["Agnès Varda", "Akira Kurosawa"]
    );
    // The same name for another table.
    assert_eq!(
        user.each("full_name", "actors?select=full_name&id=eq.1"),
        ["TATSUYA"]
    );
}

fn ordering(user: &User) {
    assert_eq!(user.ids("films?order=year"), [2, 3, 1, 4]);
    assert_eq!(user.ids("films?order=year.desc"), [4, 1, 3, 2]);
    assert_eq!(user.ids("films?order=year.nullsfirst"), [4, 2, 3, 1]);
    assert_eq!(user.ids("films?order=year.desc.nullslast"), [1, 3, 2, 4]);
    assert_eq!(user.ids("films?order=director_id,year.desc"), [1, 2, 3, 4]);
}

fn limits(user: &User) {
    assert_eq!(user.ids("films?limit=2&offset=1"), [2, 3]);
    let page = user
        .get("films?order=id")
        .header("Range-Unit", "items")
        .header("Range", "0-1")
        .send();
    assert_eq!(page.header("content-range"), Some("0-1/*"));
    assert_eq!(page.expect(200).as_array().map(Vec::len), Some(2));
    for (count, told) in [("exact", "0-1/4"), ("estimated", "0-1/4")] {
        let page = user
            .get("films?order=id&limit=2")
            .header("Prefer", &format!("count={count}"))
            .send();
        assert_eq!(
            (page.status, page.header("content-range")),
            (206, Some(told))
        );
    }
}

fn reserved(user: &User) {
    let name = encoded("\"a,b (c)\"");
    assert_eq!(user.ids(&format!("films?{name}=eq.x")), [1]);
    assert_eq!(
        user.rows(&format!("films?select={name}&id=eq.2")),
        json!([{"a,b (c)": "y"}])
    );
    assert_eq!(
        user.ids(&format!("films?or=({name}.eq.x,{name}.eq.y)")),
        [1, 2]
    );
    let quoted = encoded("in.(\"Ran\",\"a\\\"b\")");
    assert_eq!(user.ids(&format!("films?title={quoted}")), [1]);
}

fn unicode(user: &User) {
    let title = encoded("eq.Cléo de 5 à 7");
    assert_eq!(user.ids(&format!("films?title={title}")), [3]);
}

fn plan(user: &User) {
    let accept =
        "application/vnd.pgrst.plan+json; for=\"application/json\"; options=analyze|buffers";
    let plan = user.get("films?id=eq.1").header("Accept", accept).send();
    let kind = plan.header("content-type").unwrap_or_default().to_owned();
    assert!(
        kind.starts_with("application/vnd.pgrst.plan+json"),
        "{kind}"
    );
    let plan = plan.expect(200);
    assert!(plan[0]["Plan"]["Actual Rows"].is_number(), "{plan}");
    for accept in [
        "application/vnd.pgrst.plan+text; options=verbose",
        "application/vnd.pgrst.plan",
    ] {
        let plan = user.get("films?order=year").header("Accept", accept).send();
        assert_eq!(
            plan.header("content-type"),
            Some("application/vnd.pgrst.plan+text; charset=utf-8")
        );
        assert_eq!(plan.status, 200);
        let lines: Vec<String> = plan.text().lines().map(str::to_owned).collect();
        assert!(
            lines.len() > 2 && lines[0].starts_with("Aggregate"),
            "{lines:?}"
        );
    }
}
