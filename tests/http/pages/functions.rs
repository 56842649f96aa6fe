use super::{Body, User};
use serde_json::json;

pub const TRIALS: &[(&str, Body)] = &[
    ("post_get_and_head", verbs),
    ("array_arguments", arrays),
    ("variadic_arguments", variadic),
    ("single_unnamed_argument", unnamed),
    ("table_valued", rows),
    ("scalar_and_row", scalar),
    ("out_arguments", out),
    ("untyped", untyped),
    ("overloaded", overloaded),
    ("custom_queries", custom),
];

fn verbs(user: &User) {
    assert_eq!(user.rows("rpc/film_of?film=1")["title"], "Ran");
    let posted = user
        .request("POST", "rpc/film_of")
        .json(&json!({"film": 1}))
        .send();
    assert_eq!(posted.expect(200)["title"], "Ran");
    let form = user
        .request("POST", "rpc/film_of")
        .body("film=2")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .send();
    assert_eq!(form.expect(200)["title"], "Ikiru");
    let head = user.request("HEAD", "rpc/film_of?film=1").send();
    assert_eq!((head.status, head.text().as_str()), (200, ""));
}

fn arrays(user: &User) {
    assert_eq!(user.rows("rpc/plus_one?numbers=%7B1,2%7D"), json!([2, 3]));
    let posted = user
        .request("POST", "rpc/plus_one")
        .json(&json!({"numbers": [1, 2]}))
        .send();
    assert_eq!(posted.expect(200), json!([2, 3]));
}

fn variadic(user: &User) {
    assert_eq!(
        user.rows("rpc/plus_all?numbers=1&numbers=2&numbers=3"),
        json!(6)
    );
    let posted = user
        .request("POST", "rpc/plus_all")
        .json(&json!({"numbers": [1, 2]}))
        .send();
    assert_eq!(posted.expect(200), json!(3));
}

fn unnamed(user: &User) {
    let counted = user
        .request("POST", "rpc/counted")
        .json(&json!([1, "b", null]))
        .send();
    assert_eq!(counted.expect(200), json!(3));
}

fn rows(user: &User) {
    assert_eq!(
        user.rows("rpc/best_in?named=Cannes&select=title,directors(last_name)&year=lt.1980"),
        json!([{"title": "Cléo de 5 à 7", "directors": {"last_name": "Varda"}}])
    );
    assert_eq!(user.ids("rpc/best_in?named=Cannes&order=year&limit=1"), [3]);
}

fn scalar(user: &User) {
    assert_eq!(user.rows("rpc/rating_of?film_id=1"), json!("one"));
    assert_eq!(
        user.rows("rpc/film_of?film=1&select=title"),
        json!({"title": "Ran"})
    );
}

fn out(user: &User) {
    assert_eq!(
        user.rows("rpc/divided?a=7&b=2"),
        json!({"whole": 3, "rest": 1})
    );
}

fn untyped(user: &User) {
    assert_eq!(user.rows("rpc/untyped"), json!({"f1": 1, "f2": "x"}));
}

fn overloaded(user: &User) {
    assert_eq!(user.rows("rpc/rating_of?film_id=1&source=x"), json!("two"));
    assert_eq!(user.rows("rpc/rating_of?film_id=1"), json!("one"));
}

/// What an address cannot ask for, a function can.
fn custom(user: &User) {
    assert_eq!(user.ids("rpc/best_in?named=Berlin"), [2]);
}
