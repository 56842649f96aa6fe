use super::Limiter;
use super::rules::Asker;
use super::window::Verdict;
use crate::client::{Networks, address};
use crate::config::{Config, Environment};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::net::IpAddr;

const NOW: i64 = 1_800_000_000;

fn limiter(yaml: &str) -> Limiter {
    let config = Config::from_text(yaml, &Environment::default(), Vec::new()).unwrap();
    Limiter::new(&config.rate_limiting)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How many of so many requests of these clients pass.
fn passed(limiter: &Limiter, path: &str, clients: impl Iterator<Item = IpAddr>) -> usize {
    clients
        .filter(|client| passes(limiter, path, Asker::Anybody, *client))
        .count()
}

fn passes(limiter: &Limiter, path: &str, asker: Asker, client: IpAddr) -> bool {
    let counted = limiter.counted(path, &asker, client);
    let verdict = limiter.judge(&counted, NOW);
    !matches!(verdict, Some(Verdict::Refused { .. }))
}

#[test]
fn a_table_is_not_limited_unless_somebody_says_so() {
    let limiter = limiter("");
    let path = "/api/v1/tables/posts";
    let counted = limiter.counted(path, &Asker::Anybody, ip("192.0.2.1"));
    assert_eq!(limiter.judge(&counted, NOW), None);
    let clients = std::iter::repeat_n(ip("192.0.2.1"), 10_000);
    assert_eq!(passed(&limiter, path, clients), 10_000);
}

/// Rotating the header must not give a client the count of another.
#[test]
fn rotating_x_forwarded_for_gives_no_further_guess() {
    let trusted = Networks::parse("10.0.0.0/8").unwrap();
    for (peer, appended) in [("203.0.113.9", ""), ("10.0.0.1", ", 203.0.113.9")] {
        let limiter = limiter("");
        let written = (0..1000u32).map(|n| format!("198.51.{}.{}{appended}", n / 256, n % 256));
        let clients = written.map(|line| {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_str(&line).unwrap(),
            );
            address(ip(peer), &headers, &trusted)
        });
        assert_eq!(
            passed(&limiter, "/api/v1/auth/signin", clients),
            10,
            "{peer}"
        );
    }
}

#[test]
fn rotating_addresses_within_a_network_of_ipv6_gives_no_further_guess() {
    let host = |n: u32| ip(&format!("2001:db8:1:2:{:x}:{:x}::1", n / 256, n % 256));
    let limiter = limiter("");
    let clients = (0..1000).map(host);
    assert_eq!(passed(&limiter, "/api/v1/auth/signin", clients), 10);
    let neighbour = std::iter::once(ip("2001:db8:1:3::1"));
    assert_eq!(passed(&limiter, "/api/v1/auth/signin", neighbour), 1);
}

#[test]
fn an_address_of_ipv4_has_one_count_in_both_spellings() {
    let spellings = [ip("192.0.2.1"), ip("::ffff:192.0.2.1")];
    let clients = spellings.into_iter().cycle().take(100);
    assert_eq!(passed(&limiter(""), "/api/v1/auth/signin", clients), 10);
}

#[test]
fn rotating_the_two_names_of_a_path_gives_no_further_guess() {
    let limiter = limiter("");
    let names = ["/api/v1/auth/signin", "/api/v1/auth/login"];
    let once = || std::iter::once(ip("192.0.2.1"));
    let all = names.into_iter().cycle().take(100);
    let passed: usize = all.map(|path| passed(&limiter, path, once())).sum();
    assert_eq!(passed, 10);
}

/// The administrators' door leads to the same passwords: there are ten guesses at all of them together.
#[test]
fn the_administrators_sign_in_gives_no_further_guess() {
    let limiter = limiter("");
    let some = |count| std::iter::repeat_n(ip("192.0.2.1"), count);
    assert_eq!(passed(&limiter, "/api/v1/admin/login", some(7)), 7);
    assert_eq!(passed(&limiter, "/api/v1/auth/signin", some(100)), 3);
    assert_eq!(passed(&limiter, "/api/v1/admin/login", some(100)), 0);
}

/// Its own limit stands where the other is wider.
#[test]
fn the_administrators_sign_in_has_a_limit_of_its_own() {
    let wide = limiter("security: {auth_login_rate_limit: 50}");
    let some = |count| std::iter::repeat_n(ip("192.0.2.1"), count);
    assert_eq!(passed(&wide, "/api/v1/admin/login", some(100)), 10);
    assert_eq!(passed(&wide, "/api/v1/auth/signin", some(100)), 40);
    let narrow = limiter("security: {admin_login_rate_limit: 2, admin_setup_rate_limit: 1}");
    assert_eq!(passed(&narrow, "/api/v1/admin/login", some(100)), 2);
    assert_eq!(passed(&narrow, "/api/v1/admin/setup", some(100)), 1);
    assert_eq!(passed(&limiter(""), "/api/v1/admin/setup", some(100)), 5);
}

/// One account, a thousand addresses.
#[test]
fn rotating_addresses_gives_a_user_no_further_request() {
    let (path, user) = ("/api/v1/tables/posts", Asker::User([1; 16]));
    let host = |n: u32| ip(&format!("192.0.{}.{}", n / 256, n % 256));
    let count = |limiter: &Limiter, asker: Asker| {
        (0..1000)
            .filter(|n| passes(limiter, path, asker, host(*n)))
            .count()
    };
    let per_user = limiter("rate_limiting: {per_minute: 60}");
    assert_eq!(count(&per_user, user), 60);
    // The twin: everybody behind an address does not share the user's count, nor do other users.
    assert!(passes(&per_user, path, Asker::Anybody, host(0)));
    assert!(passes(&per_user, path, Asker::User([2; 16]), host(0)));
    let by_address =
        limiter("rate_limiting: {per_minute: 60}\nsecurity: {enable_per_user_rate_limit: false}");
    assert_eq!(count(&by_address, user), 1000);
    let same = (0..100).filter(|_| passes(&by_address, path, user, host(0)));
    assert_eq!(same.count(), 59);
}

/// Invented keys must not cost a look-up each, for ever.
#[test]
fn keys_of_one_address_are_not_looked_up_without_end() {
    let limiter = limiter("");
    let asked = |client: &str| {
        let may = |_: &u32| limiter.may_look_up(ip(client), NOW);
        (0..5000).filter(may).count()
    };
    assert_eq!(asked("192.0.2.1"), 1000);
    assert_eq!(asked("192.0.2.2"), 1000);
    assert!(limiter.may_look_up(ip("192.0.2.1"), NOW + 60));
    // It is counted apart from the requests.
    let ten = std::iter::repeat_n(ip("192.0.2.1"), 100);
    assert_eq!(passed(&limiter, "/api/v1/auth/signin", ten), 10);
}

#[test]
fn the_counts_of_different_paths_are_apart() {
    let limiter = limiter("");
    let hundred = || std::iter::repeat_n(ip("192.0.2.1"), 100);
    for (path, most) in [
        ("signin", 10),
        ("signup", 10),
        ("signin/anonymous", 10),
        ("password/reset", 5),
        ("magiclink", 5),
        ("otp/signin", 5),
        ("2fa/verify", 5),
        ("refresh", 10),
        ("user", 100),
    ] {
        let path = format!("/api/v1/auth/{path}");
        assert_eq!(passed(&limiter, &path, hundred()), most, "{path}");
    }
}

#[test]
fn a_general_limit_counts_all_paths_together() {
    let limiter = limiter("rate_limiting: {per_minute: 60, per_hour: 1000}");
    let some = |count| std::iter::repeat_n(ip("192.0.2.1"), count);
    assert_eq!(passed(&limiter, "/api/v1/tables/a", some(30)), 30);
    assert_eq!(passed(&limiter, "/api/v1/auth/signin", some(30)), 10);
    assert_eq!(passed(&limiter, "/api/v1/tables/b", some(100)), 20);
    assert_eq!(passed(&limiter, "/api/v1/nope", some(10)), 0);
}
