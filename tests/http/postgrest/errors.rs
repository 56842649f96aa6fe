use super::{Body, ITEMS, THINGS, User};
use serde_json::{Value, json};

pub const TRIALS: &[(&str, Body)] = &[
    (
        "what_postgresql_refuses_keeps_its_sqlstate_and_no_words",
        sqlstates,
    ),
    (
        "a_visitor_is_asked_for_a_token_a_user_is_refused",
        privileges,
    ),
    ("a_token_that_is_no_good_is_told_apart", tokens),
    ("names_that_are_unknown_are_hinted_at", names),
    ("several_ways_to_a_relation_are_listed", ambiguous),
    ("sql_in_every_place_is_a_refusal_or_text", hostile),
    ("the_schemas_of_the_server_do_not_exist", own_schemas),
    ("keys_need_their_scope_here_too", scopes),
];

fn sqlstates(user: &User) {
    user.items(&json!({"name": "first", "code": "pgrst-taken"}));
    let post = |row: &Value| user.request("POST", ITEMS).json(row).send();
    let body = post(&json!({"name": "second", "code": "pgrst-taken"})).told(409, "23505");
    assert_eq!(
        (&body["details"], &body["hint"]),
        (&Value::Null, &Value::Null)
    );
    assert!(!body.to_string().contains("items_code_key"), "{body}");
    assert!(!body.to_string().contains("pgrst-taken"), "{body}");
    post(&json!({"name": "x", "thing": 99})).told(409, "23503");
    post(&json!({"name": null})).told(400, "23502");
    post(&json!({"name": "forbidden"})).told(400, "23514");
    post(&json!({"name": "x", "amount": "many"})).told(400, "22P02");
    user.get(&format!("{THINGS}?id=eq.abc"))
        .send()
        .told(400, "22P02");
    user.get(&format!("{THINGS}?born=eq.2000-13-40"))
        .send()
        .told(400, "22008");
    assert_eq!(
        user.rows(&format!("{ITEMS}?select=name")),
        json!([{"name": "first"}])
    );
}

fn privileges(user: &User) {
    let closed = "/rest/v1/closed";
    user.get(closed).send().told(403, "42501");
    let visitor = user.site.get(closed).send();
    visitor.told(401, "42501");
    assert_eq!(visitor.header("www-authenticate"), Some("Bearer"));
    // A policy's refusal looks the same.
    let foreign = json!({"name": "x", "owner": "00000000-0000-4000-8000-000000000001"});
    user.request("POST", ITEMS)
        .json(&foreign)
        .send()
        .told(403, "42501");
    assert_eq!(user.rows(ITEMS), json!([]));
}

fn tokens(user: &User) {
    let with = |token: &str| user.site.get(THINGS).bearer(token).send();
    with("x.y.z").told(401, "PGRST301");
    let mut forged = user.token.clone();
    forged.truncate(forged.len() - 4);
    with(&format!("{forged}AAAA")).told(401, "PGRST301");
    user.site
        .request("POST", "/api/v1/auth/signout")
        .bearer(&user.token)
        .json(&json!({}))
        .send()
        .expect(200);
    with(&user.token).told(401, "PGRST303");
    // No token is a visitor, who may read this.
    user.site.get(THINGS).send().expect(200);
}

fn names(user: &User) {
    for (target, status, code, hint) in [
        (
            "/rest/v1/thing",
            404,
            "PGRST205",
            json!("did you mean things?"),
        ),
        (
            "/rest/v1/things?nam=eq.x",
            400,
            "PGRST204",
            json!("did you mean name?"),
        ),
        (
            "/rest/v1/things?select=id,item(id)",
            400,
            "PGRST200",
            json!("did you mean items?"),
        ),
        (
            "/rest/v1/things?select=id,nothing(id)",
            400,
            "PGRST200",
            Value::Null,
        ),
        ("/rest/v1/rpc/nothing", 404, "PGRST202", Value::Null),
    ] {
        let body = user.get(target).send().told(status, code);
        assert_eq!(body["hint"], hint, "{target}");
    }
}

fn ambiguous(user: &User) {
    user.site
        .database
        .superuser()
        .batch_execute(
            "create table public.places (id int primary key); \
             create table public.trips (id int primary key, \
               start int references public.places, goal int references public.places); \
             grant select on public.places, public.trips to authenticated",
        )
        .expect("tables");
    let target = "/rest/v1/trips?select=id,places(id)";
    let body = wait_for(user, target, |status| status == 300).told(300, "PGRST201");
    let ways = body["details"].as_array().expect("ways");
    assert_eq!(ways.len(), 2, "{body}");
    for way in ways {
        assert_eq!(way["cardinality"], "many-to-one");
        assert!(way["embedding"].is_string() && way["relationship"].is_string());
    }
    assert!(body["hint"].is_string());
    assert_eq!(
        user.rows("/rest/v1/trips?select=id,places!start(id)"),
        json!([])
    );
}

/// Asks until the server has noticed a change of the schema.
fn wait_for(
    user: &User,
    target: &str,
    seen: impl Fn(u16) -> bool,
) -> fluxbase_tests::http::Response {
    for _ in 0..100 {
        let answer = user.get(target).send();
        if seen(answer.status) {
            return answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{target}: the change was not noticed");
}

fn hostile(user: &User) {
    let texts = [
        "'; drop table things; --",
        "\"; drop table things; --",
        "id) from things; drop table things; --",
        "$1",
        "a\"b",
    ];
    for text in texts {
        let text = fluxbase_tests::http::encoded(text);
        for target in [
            format!("/rest/v1/{text}"),
            format!("/rest/v1/rpc/{text}"),
            format!("{THINGS}?select={text}"),
            format!("{THINGS}?order={text}"),
            format!("{THINGS}?{text}=eq.1"),
            format!("{THINGS}?name=eq.{text}"),
            format!("{THINGS}?or=(name.eq.{text})"),
            format!("{THINGS}?select=name,x:{text}"),
        ] {
            let answer = user.get(&target).send();
            assert!(answer.status < 500, "{target}: {}", answer.text());
        }
    }
    for header in ["Accept", "Accept-Profile", "Prefer", "Range"] {
        let answer = user
            .get(THINGS)
            .header(header, "'; drop table things; --")
            .send();
        assert!(answer.status < 500, "{header}: {}", answer.text());
    }
    assert_eq!(
        user.rows(&format!("{THINGS}?select=id"))
            .as_array()
            .map(Vec::len),
        Some(5)
    );
}

fn own_schemas(user: &User) {
    let service = &user.site.database.fixture.service_key;
    for table in ["users", "sessions", "auth.users", "auth/users", "events"] {
        let target = format!("/rest/v1/{table}");
        let code = if table.contains('/') {
            "PGRST125"
        } else {
            "PGRST205"
        };
        user.get(&target).send().told(404, code);
        user.site
            .get(&target)
            .bearer(service)
            .send()
            .told(404, code);
    }
    for function in ["uid", "enter", "sign_in", "at_most", "set_config", "now"] {
        user.request("POST", &format!("/rest/v1/rpc/{function}"))
            .json(&json!({}))
            .send()
            .told(404, "PGRST202");
    }
}

fn scopes(user: &User) {
    let made = user
        .request("POST", "/api/v1/client-keys")
        .json(&json!({"name": "reads", "scopes": ["read:tables"]}))
        .send()
        .expect(201);
    let key = made["key"].as_str().expect("a key");
    let with = |method: &str, target: &str| {
        user.site
            .request(method, target)
            .header("X-Client-Key", key)
    };
    with("GET", THINGS).send().expect(200);
    let refused = with("POST", ITEMS).json(&json!({"name": "x"})).send();
    let body = refused.told(403, "42501");
    assert_eq!(body["hint"], "the key needs the scope write:tables");
    assert_eq!(user.rows(ITEMS), json!([]));
    with("GET", "/rest/v1/rpc/nothing")
        .send()
        .told(404, "PGRST202");
}
