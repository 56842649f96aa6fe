use super::{Body, User};
use serde_json::json;

pub const TRIALS: &[(&str, Body)] = &[
    ("many_to_one", many_to_one),
    ("one_to_many", one_to_many),
    ("many_to_many", many_to_many),
    ("one_to_one", one_to_one),
    ("computed_relationships", computed),
    ("views", views),
    ("chains_of_views", chains),
    ("rows_of_functions", functions),
    ("rows_of_writes", writes),
    ("several_keys", several),
    ("recursive", recursive),
    ("nested", nested),
    ("filters", filters),
    ("limits_and_order", limits),
    ("top_level_filtering", inner),
    ("null_filtering", nulls),
    ("or_across_relations", or),
    ("empty", empty),
    ("order_by_a_related_row", order),
    ("spread_to_one", spread_one),
    ("spread_to_many", spread_many),
    ("renamed", renamed),
];

fn many_to_one(user: &User) {
    assert_eq!(
        user.rows("films?select=title,directors(last_name)&id=in.(1,4)&order=id"),
        json!([
            {"title": "Ran", "directors": {"last_name": "Kurosawa"}},
            {"title": "Untitled", "directors": null},
        ])
    );
}

fn one_to_many(user: &User) {
    assert_eq!(
        user.rows("directors?select=last_name,films(title)&films.order=id&order=id"),
        json!([
            {"last_name": "Kurosawa", "films": [{"title": "Ran"}, {"title": "Ikiru"}]},
            {"last_name": "Varda", "films": [{"title": "Cléo de 5 à 7"}]},
            {"last_name": "Yet", "films": []},
        ])
    );
}

fn many_to_many(user: &User) {
    assert_eq!(
        user.rows("actors?select=name,films(title)&id=eq.2&films.order=id"),
        json!([{"name": "Takashi", "films": [{"title": "Ran"}, {"title": "Ikiru"}]}])
    );
}

fn one_to_one(user: &User) {
    assert_eq!(
        user.rows("films?select=id,technical_specs(camera)&order=id&limit=2"),
        json!([{"id": 1, "technical_specs": {"camera": "Panaflex"}}, {"id": 2, "technical_specs": null}])
    );
}

fn computed(user: &User) {
    assert_eq!(
        user.rows("directors?select=last_name,works(title)&id=eq.2&works.year=gt.1960"),
        json!([{"last_name": "Varda", "works": [{"title": "Cléo de 5 à 7"}]}])
    );
}

fn views(user: &User) {
    assert_eq!(
        user.rows("old_films?select=title,directors(last_name)&id=eq.3"),
        json!([{"title": "Cléo de 5 à 7", "directors": {"last_name": "Varda"}}])
    );
}

fn chains(user: &User) {
    assert_eq!(
        user.rows("directors?select=last_name,older_films(title)&id=eq.1"),
        json!([{"last_name": "Kurosawa", "older_films": [{"title": "Ikiru"}]}])
    );
}

fn functions(user: &User) {
    assert_eq!(
        user.rows("rpc/best_in?named=Berlin&select=title,roles(character,actors(name))"),
        json!([{"title": "Ikiru", "roles": [{"character": "Kanji", "actors": {"name": "Takashi"}}]}])
    );
}

fn writes(user: &User) {
    let row = json!({"id": 8001, "title": "New", "director_id": 2});
    let made = user
        .request("POST", "films?select=title,directors(last_name)")
        .header("Prefer", "return=representation, tx=rollback")
        .json(&row)
        .send();
    assert_eq!(
        made.expect(201),
        json!([{"title": "New", "directors": {"last_name": "Varda"}}])
    );
    let changed = user
        .request(
            "PATCH",
            "films?id=eq.1&select=id,roles(character)&roles.order=character",
        )
        .header("Prefer", "return=representation, tx=rollback")
        .json(&json!({"title": "Changed"}))
        .send();
    assert_eq!(
        changed.expect(200),
        json!([{"id": 1, "roles": [{"character": "Hidetora"}, {"character": "Nobody"}]}])
    );
}

fn several(user: &User) {
    user.get("orders?select=id,addresses(town)")
        .send()
        .told(300, "PGRST201");
    for hint in ["billing_of", "billing"] {
        assert_eq!(
            user.rows(&format!("orders?select=id,addresses!{hint}(town)&id=eq.1")),
            json!([{"id": 1, "addresses": {"town": "Lyon"}}])
        );
    }
    assert_eq!(
        user.rows("orders?select=from:billing_of(town),to:shipping_of(town)&id=eq.1"),
        json!([{"from": {"town": "Lyon"}, "to": {"town": "Kyoto"}}])
    );
}

fn recursive(user: &User) {
    assert_eq!(
        user.rows("employees?select=name,boss(name)&id=in.(1,4)&order=id"),
        json!([{"name": "Ada", "boss": null}, {"name": "Di", "boss": {"name": "Bob"}}])
    );
    assert_eq!(
        user.rows("employees?select=name,reports(name)&id=eq.1&reports.order=id"),
        json!([{"name": "Ada", "reports": [{"name": "Bob"}, {"name": "Cy"}]}])
    );
}

fn nested(user: &User) {
    assert_eq!(
        user.rows("actors?select=roles(character,films(title,directors(last_name)))&id=eq.3"),
        json!([{"roles": [{
            "character": "Cléo",
            "films": {"title": "Cléo de 5 à 7", "directors": {"last_name": "Varda"}},
        }]}])
    );
}

fn filters(user: &User) {
    assert_eq!(
        user.rows("directors?select=id,films(title)&films.year=gt.1980&order=id"),
        json!([{"id": 1, "films": [{"title": "Ran"}]}, {"id": 2, "films": []}, {"id": 3, "films": []}])
    );
    assert_eq!(
        user.rows("films?select=id,actors(name)&id=eq.1&actors.or=(id.eq.1,name.eq.x)"),
        json!([{"id": 1, "actors": [{"name": "Tatsuya"}]}])
    );
    assert_eq!(
        user.rows("films?select=id,roles(actors(name))&id=eq.1&roles.actors.name=eq.Tatsuya&roles.order=actor_id"),
        json!([{"id": 1, "roles": [{"actors": {"name": "Tatsuya"}}, {"actors": null}]}])
    );
}

fn limits(user: &User) {
    assert_eq!(
        user.rows("directors?select=id,films(title)&id=eq.1&films.order=year.desc&films.limit=1&films.offset=1"),
        json!([{"id": 1, "films": [{"title": "Ikiru"}]}])
    );
}

fn inner(user: &User) {
    assert_eq!(
        user.ids("directors?select=id,films!inner(id)&films.year=gt.1980"),
        [1]
    );
    assert_eq!(
        user.ids("films?select=id,directors!inner(last_name)&directors.last_name=eq.Varda"),
        [3]
    );
    assert_eq!(
        user.ids("actors?select=id,roles!inner(films!inner(title))&roles.films.title=eq.Ran"),
        [1, 2]
    );
}

fn nulls(user: &User) {
    assert_eq!(user.ids("directors?select=id,films()&films=is.null"), [3]);
    assert_eq!(
        user.ids("directors?select=id,films()&films=not.is.null"),
        [1, 2]
    );
    // With a condition on the related rows, it is about those.
    assert_eq!(
        user.ids("directors?select=id,films()&films.year=gt.1980&films=is.null"),
        [2, 3]
    );
}

fn or(user: &User) {
    assert_eq!(
        user.ids("films?select=id,directors(),nominations()&directors.last_name=eq.Varda&nominations.rank=eq.1&or=(directors.not.is.null,nominations.not.is.null)"),
        [2, 3]
    );
}

fn empty(user: &User) {
    assert_eq!(
        user.rows("films?select=id,directors!inner()&directors.last_name=eq.Varda"),
        json!([{"id": 3}])
    );
}

fn order(user: &User) {
    assert_eq!(
        user.ids("films?select=id,directors(last_name)&order=directors(last_name).desc,id"),
        [4, 3, 1, 2]
    );
    user.get("directors?select=id,films(title)&order=films(title)")
        .send()
        .told(400, "PGRST118");
}

fn spread_one(user: &User) {
    assert_eq!(
        user.rows("films?select=title,...directors(director:last_name)&id=in.(1,4)&order=id"),
        json!([{"title": "Ran", "director": "Kurosawa"}, {"title": "Untitled", "director": null}])
    );
}

fn spread_many(user: &User) {
    assert_eq!(
        user.rows(
            "directors?select=last_name,...films(titles:title,years:year)&id=eq.1&films.order=id"
        ),
        json!([{"last_name": "Kurosawa", "titles": ["Ran", "Ikiru"], "years": [1985, 1952]}])
    );
}

fn renamed(user: &User) {
    assert_eq!(
        user.rows("films?select=title,by:directors(name:full_name)&id=eq.1&by.id=eq.1"),
        json!([{"title": "Ran", "by": {"name": "Akira Kurosawa"}}])
    );
}
