//! Requests that are too deep, too long or no text at all: refused, and the server goes on.

use crate::site::Site;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;

const ITEMS: &str = "/api/v1/tables/items";

pub fn trials(site: &Arc<Site>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let site = Arc::clone(site);
        let cluster = Arc::clone(&site.database.fixture.cluster);
        trials.push(trial(&cluster, format!("hostile::{name}"), move || {
            body(&site)
        }));
    };
    add("deep_filters_are_refused_not_crashed_on", deep_filters);
    add("long_queries_are_refused_not_crashed_on", long_queries);
    add("broken_percent_encoding_is_400", percent);
    add("nul_is_refused_everywhere", nul);
    add(
        "the_request_id_of_the_client_comes_back_when_it_is_harmless",
        request_id,
    );
    trials
}

fn deep_filters(site: &Site) {
    for depth in [10, 100, 1000] {
        let query = format!("or={}id.eq.1{}", "(and".repeat(depth), ")".repeat(depth));
        let answer = site.get(&format!("/api/v1/tables/things?{query}")).send();
        assert_eq!(answer.status, 400, "{}", answer.text());
        let query = format!(
            "or=({}id.eq.1,id.eq.2{})",
            "and(".repeat(depth),
            ")".repeat(depth)
        );
        let answer = site.get(&format!("/api/v1/tables/things?{query}")).send();
        assert!(
            matches!(answer.status, 200 | 400),
            "{depth}: {}",
            answer.text()
        );
        if depth == 1000 {
            assert_eq!(answer.status, 400, "a thousand levels");
        }
    }
    assert!(site.is_running());
    site.get("/api/v1/tables/things?or=(and(id.eq.1,id.eq.1),id.eq.2)")
        .send()
        .expect(200);
}

fn long_queries(site: &Site) {
    let list: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    let answer = site
        .get(&format!(
            "/api/v1/tables/things?select=id&id=in.({})",
            list.join(",")
        ))
        .send();
    assert!(
        matches!(answer.status, 200 | 400 | 414 | 431),
        "{}",
        answer.text()
    );
    let columns = vec!["id"; 5000].join(",");
    let answer = site
        .get(&format!("/api/v1/tables/things?select={columns}"))
        .send();
    assert!(
        matches!(answer.status, 200 | 400 | 414 | 431),
        "{}",
        answer.text()
    );
    let answer = site
        .get(&format!(
            "/api/v1/tables/things?name=eq.{}",
            "x".repeat(200_000)
        ))
        .try_send();
    assert!(
        answer.is_err()
            || matches!(
                answer.as_ref().map(|answer| answer.status),
                Ok(400 | 414 | 431)
            ),
        "{answer:?}"
    );
    assert!(site.is_running());
    site.get("/api/v1/tables/things?id=eq.1").send().expect(200);
}

fn percent(site: &Site) {
    for query in [
        "name=eq.%",
        "name=eq.%4",
        "name=eq.%zz",
        "name=eq.%ff%fe",
        "select=%c3",
        "%zz=eq.1",
    ] {
        let answer = site.get(&format!("/api/v1/tables/things?{query}")).send();
        answer.refused(400, "INVALID_INPUT");
    }
    site.get("/api/v1/tables/things?name=eq.%61pple")
        .send()
        .expect(200);
}

fn nul(site: &Site) {
    for target in [
        "things?name=eq.a%00b",
        "things?na%00me=eq.x",
        "things?select=id%00",
        "things?order=id%00",
        "things?or=(name.eq.%00)",
        "things?name=in.(%00)",
    ] {
        site.get(&format!("/api/v1/tables/{target}"))
            .send()
            .refused(400, "INVALID_INPUT");
    }
    let answer = site.get("/api/v1/tables/thi%00ngs").send();
    assert!(matches!(answer.status, 400 | 404), "{}", answer.text());
    let body = site
        .request("POST", ITEMS)
        .bearer(&site.database.fixture.ann.token)
        .raw("{\"name\":\"a\\u0000b\"}")
        .send();
    assert_eq!(body.status, 400, "{}", body.text());
}

fn request_id(site: &Site) {
    let target = "/api/v1/tables/nothing";
    let body = site
        .get(target)
        .header("X-Request-ID", "my-id-42")
        .send()
        .refused(404, "NOT_FOUND");
    assert_eq!(body["request_id"], "my-id-42");
    let answer = site
        .get("/api/v1/tables/things")
        .header("X-Request-ID", "my-id-43")
        .send();
    assert_eq!(answer.header("x-request-id"), Some("my-id-43"));
    for odd in [
        "x".repeat(5000),
        "<script>".into(),
        "a b".into(),
        "{\"x\":1}".into(),
    ] {
        let answer = site.get(target).header("X-Request-ID", &odd).send();
        if answer.status == 404 {
            let body = answer.refused(404, "NOT_FOUND");
            assert_ne!(body["request_id"], json!(odd));
        }
    }
}
