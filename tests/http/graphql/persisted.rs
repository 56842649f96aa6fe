//! Documents that the operator vouches for, and nobody else's.

use super::{PATHS, everything, site};
use crate::site::Site;
use aws_lc_rs::digest::{SHA256, digest};
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::encoded;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

const READ: &str = "query Read($id: Int!) { post(id: $id) { title } }\n";
const WRITE: &str = "mutation { updatePosts(id: 1, data: {price: 1.50}) { id } }";
const OTHER: &str = "{ posts(limit: 1) { id } }";

pub(super) fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, only: &'static str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("graphql::{name}"), move || {
            let directory = documents(&fixture, only);
            let path = directory.display().to_string();
            let settings = [
                ("GRAPHQL_PERSISTED_DIRECTORY", path.as_str()),
                ("GRAPHQL_PERSISTED_ONLY", only),
            ];
            body(&site(&fixture, &settings));
        }));
    };
    add(
        "where_only_persisted_documents_are_answered_no_other_is",
        "true",
        only,
    );
    add("a_persisted_document_goes_by_its_hash", "false", by_hash);
    trials
}

/// A directory that goes with the cluster.
fn documents(fixture: &Fixture, name: &str) -> PathBuf {
    let directory = fixture.cluster.directory.join(format!("documents-{name}"));
    fs::create_dir_all(&directory).expect("a directory");
    for (name, text) in [
        ("read.graphql", READ),
        ("write.graphql", WRITE),
        // No document: its name does not end so.
        ("notes.txt", OTHER),
    ] {
        fs::write(directory.join(name), text).expect("a document");
    }
    directory
}

fn hash(text: &str) -> String {
    let bytes = digest(&SHA256, text.as_bytes());
    bytes
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn apollo(text: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash(text)}})
}

/// 1. A client is taken over, or somebody reads its requests.
/// 2. He sends an operation that the operator never wrote.
fn only(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    let post = |path: &str, body: &Value| site.post(path, body).bearer(&ann.token).send();
    let delete = "mutation { deletePosts(id: 1) { id } }";
    for path in PATHS {
        for body in [
            json!({ "query": delete }),
            json!({ "query": OTHER }),
            // Nearly the one that is there.
            json!({"query": READ.trim_end(), "variables": {"id": 1}}),
            json!({"query": delete, "extensions": apollo(delete)}),
            json!({"query": "{ __typename }"}),
        ] {
            let refused = post(path, &body).refused(403, "ACCESS_DENIED");
            assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
        }
        // The hash of one, the text of another.
        let body = json!({"query": delete, "extensions": apollo(READ)});
        post(path, &body).refused(400, "INVALID_REQUEST_BODY");
        let body = json!({"extensions": apollo(delete)});
        let refused = post(path, &body).refused(400, "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(refused["error"], "PersistedQueryNotFound");
        // Neither the schema, nor a mutation by GET.
        site.get(path).send().refused(403, "ACCESS_DENIED");
        let target = format!("{path}?documentId=sha256:{}", hash(WRITE));
        let refused = site.get(&target).bearer(&ann.token).send();
        refused.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(everything(site), before);

        let title = json!({"data": {"post": {"title": "ann private"}}});
        let variables = json!({"id": 1});
        for body in [
            json!({"extensions": apollo(READ), "variables": variables}),
            json!({"documentId": format!("sha256:{}", hash(READ)), "variables": variables}),
            json!({"query": READ, "variables": variables, "operationName": "Read"}),
        ] {
            assert_eq!(post(path, &body).expect(200), title, "{body}");
        }
        let target = format!(
            "{path}?variables={}&extensions={}",
            encoded(&variables.to_string()),
            encoded(&apollo(READ).to_string())
        );
        let answer = site.get(&target).bearer(&ann.token).send();
        assert_eq!(answer.expect(200), title);
        let answer = post(path, &json!({"extensions": apollo(WRITE)}));
        assert_eq!(
            answer.expect(200),
            json!({"data": {"updatePosts": {"id": 1}}})
        );
    }
}

fn by_hash(site: &Site) {
    let ann = &site.database.fixture.ann;
    let post = |body: &Value| site.post(PATHS[0], body).bearer(&ann.token).send();
    let body = json!({"extensions": apollo(READ), "variables": {"id": 1}});
    let title = json!({"data": {"post": {"title": "ann private"}}});
    assert_eq!(post(&body).expect(200), title);
    let body = json!({"extensions": apollo(OTHER)});
    post(&body).refused(400, "PERSISTED_QUERY_NOT_FOUND");
    // With its text it is answered, and still not persisted: no client fills the server's memory for another.
    let whole = json!({"query": OTHER, "extensions": apollo(OTHER)});
    assert_eq!(
        post(&whole).expect(200),
        json!({"data": {"posts": [{"id": 1}]}})
    );
    post(&body).refused(400, "PERSISTED_QUERY_NOT_FOUND");
}
