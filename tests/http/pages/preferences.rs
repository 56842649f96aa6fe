use super::{Body, User};
use serde_json::json;

pub const TRIALS: &[(&str, Body)] = &[
    ("handling", handling),
    ("timezone", timezone),
    ("return", returned),
    ("count", count),
    ("tx", transaction),
    ("max_affected", max_affected),
];

fn applied(user: &User, method: &str, target: &str, prefer: &str) -> (u16, Option<String>) {
    let row = json!({"code": format!("applied{}", prefer.len())});
    let request = user.request(method, target).header("Prefer", prefer);
    let answer = match method {
        "GET" => request.send(),
        _ => request.json(&row).send(),
    };
    let said = answer.header("preference-applied").map(str::to_owned);
    (answer.status, said)
}

fn handling(user: &User) {
    let strict = user
        .get("films")
        .header("Prefer", "handling=strict, anything=goes")
        .send();
    strict.told(400, "PGRST122");
    let lenient = user
        .get("films")
        .header("Prefer", "handling=lenient, anything=goes")
        .send();
    lenient.expect(200);
}

fn timezone(user: &User) {
    let zone = user
        .get("rpc/zone")
        .header("Prefer", "timezone=America/Los_Angeles")
        .send();
    assert_eq!(
        zone.header("preference-applied"),
        Some("timezone=America/Los_Angeles")
    );
    assert_eq!(zone.expect(200), "America/Los_Angeles");
    let unknown = user
        .get("rpc/zone")
        .header("Prefer", "handling=strict, timezone=Jupiter/Red_Spot");
    unknown.send().told(400, "PGRST122");
}

fn returned(user: &User) {
    for prefer in [
        "return=minimal",
        "return=headers-only",
        "return=representation",
    ] {
        let told = applied(user, "POST", "stock", prefer);
        assert_eq!(told, (201, Some(prefer.to_owned())));
    }
}

fn count(user: &User) {
    assert_eq!(
        applied(user, "GET", "films?limit=1", "count=exact"),
        (206, Some("count=exact".to_owned()))
    );
    let planned = user.get("films").header("Prefer", "count=planned").send();
    let range = planned
        .header("content-range")
        .unwrap_or_default()
        .to_owned();
    assert!(range.starts_with("0-3/") && range != "0-3/*", "{range}");
}

fn transaction(user: &User) {
    let tried = user
        .request("POST", "stock?select=code")
        .header("Prefer", "tx=rollback, return=representation")
        .json(&json!({"code": "tried"}))
        .send();
    assert_eq!(tried.expect(201), json!([{"code": "tried"}]));
    assert_eq!(user.rows("stock?code=eq.tried"), json!([]));
}

fn max_affected(user: &User) {
    let too_many = user
        .request("PATCH", "films?id=lt.4")
        .header("Prefer", "handling=strict, max-affected=2")
        .json(&json!({"rating": 1}))
        .send();
    too_many.told(400, "PGRST124");
    assert_eq!(user.ids("films?rating=eq.1"), [0; 0]);
}
