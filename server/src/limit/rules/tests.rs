use super::{Asker, KnownKey, Limit, Numbered, Pattern, Rules, Whom};
use crate::config::{Config, Endpoint, Environment, RateLimiting};
use std::net::{IpAddr, Ipv4Addr};

#[test]
fn a_general_limit_counts_both_mounts_together() {
    let limit = per_minutes(7, 1);
    let rules = Rules::new(&RateLimiting {
        general: vec![limit],
        accounts: Vec::new(),
        ..bare()
    });
    let number = |path: &str| rules.on(path).next().map(|numbered| numbered.number);
    assert_eq!(number("/api/v1/tables/x"), Some(0));
    assert_eq!(number("/rest/v1/x"), number("/api/v1/tables/x"));
    for path in ["/health", "/rest/v2/x", "/"] {
        assert_eq!(number(path), None, "{path}");
    }
}

#[test]
fn a_limit_on_one_mount_is_none_on_the_other() {
    let rules = with(&[endpoint("/rest/v1/*", &[per_minutes(3, 1)])]);
    assert_eq!(on(&rules, "/rest/v1/x"), [(3, 1)]);
    assert_eq!(on(&rules, "/api/v1/tables/x"), []);
}

fn bare() -> RateLimiting {
    let config = Config::from_text("", &Environment::default(), Vec::new());
    config.unwrap().rate_limiting
}

fn per_minutes(most: u32, minutes: u32) -> Limit {
    let seconds = minutes * 60;
    Limit { most, seconds }
}

fn endpoint(path: &str, limits: &[Limit]) -> Endpoint {
    Endpoint {
        path: Pattern::parse(path).unwrap(),
        limits: limits.to_vec(),
    }
}

fn with(endpoints: &[Endpoint]) -> Rules {
    Rules::new(&RateLimiting {
        endpoints: endpoints.to_vec(),
        ..bare()
    })
}

fn numbered(rules: &Rules, path: &str) -> Vec<Numbered> {
    rules.on(path).collect()
}

/// By whom a request is counted, and at how many requests in how many seconds.
fn counted(rules: &Rules, path: &str, asker: Asker) -> Vec<(Whom, u32, u32)> {
    let counted = rules.counted(path, &asker, ADDRESS).into_iter();
    counted
        .map(|(whom, rule)| (whom, rule.limit.most, rule.limit.seconds))
        .collect()
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const TABLE: &str = "/api/v1/tables/x";

fn key(owner: Option<[u8; 16]>) -> KnownKey {
    KnownKey {
        id: [7; 16],
        owner,
        per_minute: Some(3),
        per_hour: Some(9),
    }
}

#[test]
fn who_asks_decides_by_whom_it_is_counted() {
    let config = RateLimiting {
        general: vec![per_minutes(60, 1)],
        ..bare()
    };
    let rules = Rules::new(&config);
    let address = Whom::Address(ADDRESS);
    let (user, key_of) = (Whom::User([1; 16]), Whom::Key([7; 16]));
    let own = [(key_of, 3, 60), (key_of, 9, 3600)];
    for (asker, wanted) in [
        (Asker::Anybody, vec![(address, 60, 60)]),
        (Asker::User([1; 16]), vec![(user, 60, 60)]),
        (Asker::Administrator, vec![]),
        (Asker::Service, vec![(address, 10_000, 60)]),
        (
            Asker::Key(key(None)),
            [&[(key_of, 10_000, 60)][..], &own].concat(),
        ),
        (
            Asker::Key(key(Some([1; 16]))),
            [&[(user, 60, 60)][..], &own].concat(),
        ),
    ] {
        assert_eq!(counted(&rules, TABLE, asker), wanted, "{asker:?}");
    }
    let by_address = Rules::new(&RateLimiting {
        per_user: false,
        service: None,
        ..config.clone()
    });
    for (asker, wanted) in [
        (Asker::User([1; 16]), vec![(address, 60, 60)]),
        (Asker::Service, vec![]),
        (Asker::Key(key(None)), own.to_vec()),
        (
            Asker::Key(key(Some([1; 16]))),
            [&[(address, 60, 60)][..], &own].concat(),
        ),
    ] {
        assert_eq!(counted(&by_address, TABLE, asker), wanted, "{asker:?}");
    }
    let off = Rules::new(&RateLimiting {
        enabled: false,
        ..config
    });
    for asker in [Asker::Anybody, Asker::Service, Asker::Key(key(None))] {
        assert_eq!(counted(&off, TABLE, asker), [], "{asker:?}");
    }
}

/// A user who may ask a thousand times guesses no more passwords than anybody.
#[test]
fn a_credential_of_a_person_changes_nothing_at_a_public_door() {
    for person in [
        Asker::Anybody,
        Asker::User([1; 16]),
        Asker::Administrator,
        Asker::Key(key(Some([1; 16]))),
    ] {
        assert_eq!(person.at_a_public_door(), Asker::Anybody, "{person:?}");
    }
    for backend in [Asker::Service, Asker::Key(key(None))] {
        assert_eq!(backend.at_a_public_door(), backend);
    }
}

#[test]
fn what_the_database_says_of_a_key_is_read_or_it_is_nothing() {
    let id = "07070707-0707-0707-0707-070707070707";
    let owner = "01010101-0101-0101-0101-010101010101";
    let text = format!(r#"{{"id":"{id}","user_id":null,"per_minute":3,"per_hour":9}}"#);
    assert_eq!(KnownKey::read(text.as_bytes()), Some(key(None)));
    let text = format!(r#"{{"id":"{id}","user_id":"{owner}","per_minute":null,"per_hour":null}}"#);
    let free = KnownKey {
        per_minute: None,
        per_hour: None,
        ..key(Some([1; 16]))
    };
    assert_eq!(KnownKey::read(text.as_bytes()), Some(free));
    for strange in ["", "null", "{}", "[]", r#"{"id":"x"}"#] {
        assert_eq!(KnownKey::read(strange.as_bytes()), None, "{strange}");
    }
}

/// The limits on a path, as requests and minutes.
fn on(rules: &Rules, path: &str) -> Vec<(u32, u32)> {
    let plain = |limit: Limit| (limit.most, limit.seconds / 60);
    let limits = rules.on(path);
    limits.map(|numbered| plain(numbered.limit)).collect()
}

#[test]
fn the_account_endpoints_are_limited_by_default_and_nothing_else_is() {
    let rules = Rules::new(&bare());
    for (path, limits) in [
        ("signin", &[(10, 15)][..]),
        ("login", &[(10, 15)]),
        ("signup", &[(10, 15)]),
        ("signin/anonymous", &[(10, 15)]),
        ("password/reset", &[(5, 15)]),
        ("magiclink", &[(5, 15)]),
        ("otp/signin", &[(5, 15)]),
        ("2fa/verify", &[(5, 5)]),
        ("refresh", &[(10, 1)]),
        ("user", &[]),
        ("signout", &[]),
        ("logout", &[]),
        ("signin/", &[]),
        ("signin/x", &[]),
        ("signi", &[]),
        ("Signin", &[]),
        ("password", &[]),
        ("password/reset/confirm", &[]),
    ] {
        assert_eq!(
            on(&rules, &format!("/api/v1/auth/{path}")),
            limits,
            "{path}"
        );
    }
    assert_eq!(on(&rules, "/api/v1/admin/setup"), [(5, 15)]);
    assert_eq!(on(&rules, "/api/v1/admin/login"), [(10, 15), (10, 1)]);
    for path in [
        "/",
        "/health",
        "/api/v1/tables/posts",
        "/api/v1/admin/users",
        "/api/v1/tables/auth/signin",
        "/api/v1/auth",
        "/api/v1/auth//signin",
        "/auth/signin",
        "",
    ] {
        assert_eq!(on(&rules, path), [], "{path}");
    }
}

#[test]
fn switched_off_nothing_is_limited() {
    let rules = Rules::new(&RateLimiting {
        enabled: false,
        general: vec![per_minutes(60, 1)],
        endpoints: vec![endpoint("/api/v1/*", &[per_minutes(1, 1)])],
        ..bare()
    });
    for (path, _) in bare().accounts {
        assert_eq!(on(&rules, path), []);
    }
    assert_eq!(on(&rules, "/api/v1/tables/posts"), []);
}

#[test]
fn general_limits_stand_on_everything_beside_the_others() {
    let rules = Rules::new(&RateLimiting {
        general: vec![per_minutes(60, 1), per_minutes(1000, 60)],
        ..bare()
    });
    assert_eq!(on(&rules, "/api/v1/tables/x"), [(60, 1), (1000, 60)]);
    assert_eq!(on(&rules, "/api/v1/nope"), [(60, 1), (1000, 60)]);
    assert_eq!(
        on(&rules, "/api/v1/auth/signin"),
        [(60, 1), (1000, 60), (10, 15)]
    );
    assert_eq!(on(&rules, "/health"), []);
}

#[test]
fn a_path_that_is_given_replaces_its_default_under_either_name() {
    for given in ["signin", "login"] {
        let path = format!("/api/v1/auth/{given}");
        let rules = with(&[endpoint(&path, &[per_minutes(5, 1), per_minutes(20, 60)])]);
        for asked in ["signin", "login"] {
            let asked = format!("/api/v1/auth/{asked}");
            assert_eq!(on(&rules, &asked), [(5, 1), (20, 60)], "{given}, {asked}");
        }
        assert_eq!(on(&rules, "/api/v1/auth/signup"), [(10, 15)]);
    }
}

#[test]
fn both_names_of_a_path_have_one_count() {
    let rules = with(&[endpoint("/api/v1/auth/logout", &[per_minutes(5, 1)])]);
    for (one, other) in [("signin", "login"), ("signout", "logout")] {
        let limits = numbered(&rules, &format!("/api/v1/auth/{one}"));
        assert!(!limits.is_empty(), "{one}");
        let others = numbered(&rules, &format!("/api/v1/auth/{other}"));
        assert_eq!(limits, others, "{one}");
    }
}

#[test]
fn a_path_given_without_limits_has_none() {
    let rules = with(&[endpoint("/api/v1/auth/signup", &[])]);
    assert_eq!(on(&rules, "/api/v1/auth/signup"), []);
    assert_eq!(on(&rules, "/api/v1/auth/signin"), [(10, 15)]);
}

#[test]
fn a_prefix_stands_on_what_is_below_it_and_takes_nothing_away() {
    let rules = with(&[
        endpoint("/api/v1/auth/*", &[per_minutes(100, 1)]),
        endpoint("/api/v1/tables/*", &[per_minutes(600, 1)]),
        endpoint("/api/v1/tables/public/*", &[per_minutes(60, 1)]),
    ]);
    for (path, limits) in [
        ("/api/v1/tables/x", &[(600, 1)][..]),
        ("/api/v1/tables/public/x", &[(600, 1), (60, 1)]),
        ("/api/v1/tables/public", &[(600, 1)]),
        ("/api/v1/tables/", &[(600, 1)]),
        ("/api/v1/tables", &[]),
        ("/api/v1/tablesx/y", &[]),
        ("/api/v1/auth/user", &[(100, 1)]),
        ("/api/v1/auth/signin", &[(100, 1), (10, 15)]),
    ] {
        assert_eq!(on(&rules, path), limits, "{path}");
    }
}

#[test]
fn all_paths_below_a_prefix_have_one_count_and_no_two_limits_share_one() {
    let rules = with(&[endpoint(
        "/api/v1/tables/*",
        &[per_minutes(1, 1), per_minutes(2, 60)],
    )]);
    assert_eq!(
        numbered(&rules, "/api/v1/tables/x"),
        numbered(&rules, "/api/v1/tables/y")
    );
    let mut numbers: Vec<usize> = rules.of_paths.iter().map(|(_, rule)| rule.number).collect();
    numbers.extend(rules.service.map(|rule| rule.number));
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all);
}

#[test]
fn a_path_no_request_can_have_is_refused() {
    for wrong in [
        "",
        "/",
        "*",
        "/*",
        "api/v1/auth/signin",
        "/api/v1",
        "/api/v1/",
        "/api/v2/x",
        "/health",
        "/api/v1x/*",
        "/api/v1/auth/signin/",
        "/api/v1//auth",
        "/api/v1/auth/*/x",
        "/api/v1/auth*",
        "/api/v1/*/",
        "/api/v1//*",
        "/api/v1/tables/{table}",
        "/api/v1/x?y",
        "/api/v1/x#y",
        "/api/v1/sign%69n",
        "/api/v1/a b",
        " /api/v1/x",
        "/api/v1/x ",
        "/api/v1/\u{e9}",
        "http://host/api/v1/x",
        "/api/v1/x\\y",
        "/api/v1/**",
    ] {
        assert!(Pattern::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_path_is_shown_as_it_is_kept() {
    for (written, shown) in [
        ("/api/v1/auth/signin", "/api/v1/auth/signin"),
        ("/api/v1/auth/login", "/api/v1/auth/signin"),
        ("/api/v1/auth/2fa/verify", "/api/v1/auth/2fa/verify"),
        ("/api/v1/tables/*", "/api/v1/tables/*"),
        ("/api/v1/*", "/api/v1/*"),
        ("/api/v1/tables/a-b_c.d~1", "/api/v1/tables/a-b_c.d~1"),
    ] {
        assert_eq!(Pattern::parse(written).unwrap().to_string(), shown);
    }
}

#[test]
fn every_default_stands_on_a_path_one_can_write() {
    for (path, _) in bare().accounts {
        assert_eq!(Pattern::parse(path), Ok(Pattern::Exact(path.to_owned())));
    }
}
