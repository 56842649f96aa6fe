//! When told, with the administrator, and with the user.

use super::{Acting, Test, root};
use crate::keys::text;
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::http::{Request, Response};
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("it_ends_when_told_and_with_its_administrator", ended),
    ("the_user_sees_it_and_ends_it", seen),
];

fn ended(site: &Site) {
    let root = root(site);
    let end = |request: Request| request.send();
    let none = |answer: Response| answer.refused(404, "NOT_FOUND");
    none(site.silently(|| end(site.by(&root.token, "DELETE", "/auth/impersonate"))));
    none(site.silently(|| end(site.by(&root.token, "GET", "/auth/impersonate"))));
    // By whoever is acting: that one.
    let (first, second) = (Acting::bob(site, &root), Acting::bob(site, &root));
    let reply = end(first.ask("DELETE", "/auth/impersonate")).expect(200);
    assert_eq!(reply, json!({"message": "The impersonation has ended"}));
    first.assert_over();
    second.assert_alive();
    // As a visitor too.
    let visitor = Acting::begin(site, &root, "/anon", &json!({"reason": "why"}));
    end(visitor.ask("DELETE", "/auth/impersonate")).expect(200);
    visitor.assert_over();
    // By another administrator none of them, by the own all.
    let other = site.with_role("other@example.com", "dashboard_admin");
    none(site.silently(|| end(site.by(&other.token, "DELETE", "/auth/impersonate"))));
    let service = Acting::begin(site, &root, "/service", &json!({"reason": "why"}));
    end(site.by(&root.token, "DELETE", "/auth/impersonate")).expect(200);
    for one in [&second, &service] {
        one.assert_over();
    }
    none(site.silently(|| end(site.by(&root.token, "DELETE", "/auth/impersonate"))));
    site.by(&root.token, "GET", "/admin/me").send().expect(200);
    // With the sign-out of the administrator, who may have lost both tokens to the same thief.
    let third = Acting::bob(site, &root);
    let elsewhere = site.sign_in("root@example.com", PASSWORD);
    let fourth = Acting::bob(site, &elsewhere);
    site.by(&root.token, "POST", "/auth/signout")
        .send()
        .expect(200);
    third.assert_over();
    fourth.assert_alive();
    // With the role, and with the account of the user.
    let path = format!("/admin/users/{}/role", root.id);
    let demote = json!({"role": "authenticated"});
    site.by(&other.token, "PATCH", &path)
        .json(&demote)
        .send()
        .expect(200);
    fourth.assert_over();
    let fifth = Acting::bob(site, &other);
    let path = format!("/admin/users/{}/lock", site.database.fixture.bob.id);
    site.by(&other.token, "POST", &path).send().expect(200);
    fifth.assert_over();
}

fn seen(site: &Site) {
    let root = root(site);
    let bob = &site.database.fixture.bob;
    let acting = Acting::bob(site, &root);
    let id = text(&acting.reply["session"], "id");
    let list = site
        .by(&bob.token, "GET", "/auth/sessions")
        .send()
        .expect(200);
    let session = list["sessions"].as_array().expect("a list").iter();
    let session = session
        .clone()
        .find(|session| session["id"] == id.as_str())
        .expect("listed")
        .clone();
    assert_eq!(
        (
            &session["impersonated"],
            &session["method"],
            &session["current"]
        ),
        (&json!(true), &json!("impersonation"), &json!(false))
    );
    // Who it is, is not the user's to know; that it is somebody is.
    assert!(!list.to_string().contains(&root.id), "{list}");
    let path = format!("/auth/sessions/{id}");
    let ann = &site.database.fixture.ann.token;
    site.silently(|| site.by(ann, "DELETE", &path).send())
        .refused(404, "NOT_FOUND");
    acting.assert_alive();
    site.by(&bob.token, "DELETE", &path).send().expect(200);
    acting.assert_over();
    site.by(&bob.token, "GET", "/auth/user").send().expect(200);
}
