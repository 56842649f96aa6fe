//! Who is served by address, over the whole server.

use super::{assert_dressed, get, server};
use actix_web::test::TestRequest;
use std::net::IpAddr;

fn from(peer: &str, request: TestRequest) -> TestRequest {
    let peer: IpAddr = peer.parse().unwrap();
    request.peer_addr((peer, 4711).into())
}

const YAML: &str =
    "server: {trusted_proxies: [10.0.0.0/8], allowed_ip_ranges: ['192.0.2.0/24', '2001:db8::/32']}";

#[actix_web::test]
async fn a_client_outside_the_list_gets_nothing_on_any_path() {
    let server = server(YAML).await;
    for path in [
        "/",
        "/health",
        "/.well-known/jwks.json",
        "/nope",
        "/panics",
        "/api/v1/auth/signin",
        "/api/v1/tables/posts",
    ] {
        let answer = server(from("203.0.113.9", get(path))).await;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.body["code"], "ACCESS_DENIED", "{path}");
        assert_eq!(
            answer.body["error"], "Access denied - IP not allowlisted",
            "{path}"
        );
        assert_dressed(&answer, path);
    }
}

#[actix_web::test]
async fn a_client_in_the_list_is_served_in_every_spelling() {
    let server = server(YAML).await;
    for peer in [
        "192.0.2.0",
        "192.0.2.255",
        "::ffff:192.0.2.7",
        "2001:db8::1",
    ] {
        let answer = server(from(peer, get("/"))).await;
        assert_eq!(answer.status, 200, "{peer}");
    }
}

#[actix_web::test]
async fn a_header_lets_in_only_whom_a_trusted_proxy_names() {
    let server = server(YAML).await;
    for (peer, header, status) in [
        ("203.0.113.9", "192.0.2.7", 403),
        ("203.0.113.9", "192.0.2.7, 10.0.0.1", 403),
        ("10.0.0.1", "192.0.2.7", 200),
        ("10.0.0.1", "192.0.2.7, 203.0.113.9", 403),
        ("10.0.0.1", "203.0.113.9, 192.0.2.7", 200),
        ("10.0.0.1", "192.0.2.7, nonsense", 403),
        ("192.0.2.7", "203.0.113.9", 200),
    ] {
        let request = get("/").insert_header(("x-forwarded-for", header));
        let answer = server(from(peer, request)).await;
        assert_eq!(answer.status, status, "{peer}: {header}");
    }
}

#[actix_web::test]
async fn a_peer_without_an_address_is_in_no_list() {
    assert_eq!(server(YAML).await(get("/")).await.status, 403);
    assert_eq!(server("").await(get("/")).await.status, 200);
}
