use super::{Networks, NotNetworks, address, forwarded, household};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn networks(text: &str) -> Networks {
    Networks::parse(text).unwrap()
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(
            HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_bytes(line.as_bytes()).unwrap(),
        );
    }
    headers
}

const PROXIES: &str = "10.0.0.0/8, 127.0.0.1, 2001:db8:aaaa::/48";

fn behind(peer: &str, lines: &[&str]) -> IpAddr {
    address(ip(peer), &headers(lines), &networks(PROXIES))
}

#[test]
fn a_stranger_cannot_say_who_it_is() {
    for written in [
        "1.2.3.4",
        "10.0.0.1",
        "127.0.0.1",
        "1.2.3.4, 10.0.0.1",
        "::1",
        "",
        "unknown",
    ] {
        for peer in ["203.0.113.9", "2001:db8::9", "192.168.0.1"] {
            assert_eq!(behind(peer, &[written]), ip(peer), "{written}");
            assert_eq!(behind(peer, &[written, written]), ip(peer), "{written}");
        }
    }
}

#[test]
fn without_trusted_proxies_the_header_is_never_read() {
    for peer in ["127.0.0.1", "10.0.0.1", "::1", "203.0.113.9"] {
        let found = address(ip(peer), &headers(&["1.2.3.4"]), &Networks::default());
        assert_eq!(found, ip(peer));
    }
}

#[test]
fn only_this_header_names_a_client() {
    let mut others = HeaderMap::new();
    for name in [
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "client-ip",
        "via",
    ] {
        others.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static("1.2.3.4"),
        );
    }
    assert_eq!(
        address(ip("10.0.0.1"), &others, &networks(PROXIES)),
        ip("10.0.0.1")
    );
}

#[test]
fn the_rightmost_stranger_is_the_client() {
    for (lines, client) in [
        (&["203.0.113.9"][..], "203.0.113.9"),
        (&["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
        (&["1.2.3.4,203.0.113.9"], "203.0.113.9"),
        (&["1.2.3.4 ,\t203.0.113.9 "], "203.0.113.9"),
        (&["1.2.3.4, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
        (
            &["1.2.3.4, 203.0.113.9, 10.1.1.1, 127.0.0.1"],
            "203.0.113.9",
        ),
        // What the client wrote, also when it names a proxy, is left of what the proxy wrote.
        (&["10.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (&["127.0.0.1, 203.0.113.9, 10.2.2.2"], "203.0.113.9"),
        (&["nonsense, 203.0.113.9"], "203.0.113.9"),
        // Several lines are one list in their order.
        (&["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        (&["1.2.3.4", "203.0.113.9", "10.1.1.1"], "203.0.113.9"),
        (&["203.0.113.9, 10.1.1.1", "10.1.1.2"], "203.0.113.9"),
        (&["2001:db8::9"], "2001:db8::9"),
        (&["1.2.3.4, 2001:db8::9, 2001:db8:aaaa::1"], "2001:db8::9"),
    ] {
        for proxy in [
            "10.0.0.1",
            "127.0.0.1",
            "::ffff:10.0.0.1",
            "2001:db8:aaaa::5",
        ] {
            assert_eq!(behind(proxy, lines), ip(client), "{lines:?} by {proxy}");
        }
    }
}

#[test]
fn a_request_of_the_proxies_themselves_is_theirs() {
    assert_eq!(behind("10.0.0.1", &[]), ip("10.0.0.1"));
    assert_eq!(behind("10.0.0.1", &["10.0.0.2"]), ip("10.0.0.2"));
    assert_eq!(behind("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), ip("10.0.0.3"));
    assert_eq!(
        behind("10.0.0.1", &["10.0.0.3", "10.0.0.2"]),
        ip("10.0.0.3")
    );
}

#[test]
fn an_entry_that_is_no_address_ends_the_search_at_the_last_one_that_was() {
    for wrong in "unknown _hidden localhost 1.2.3 1.2.3.4.5 1.2.3.256 01.2.3.4 0x1.2.3.4 16909060 \
             1.2.3.4/32 1.2.3.4: 1.2.3.4:x 1.2.3.4:99999 [1.2.3.4] [::1 ::1] [::1]: [::1]80 \
             ::: 1::2::3 fe80::1%eth0 [fe80::1%2]:80 for=1.2.3.4 1.2.3.4;"
        .split_whitespace()
        .chain(["", " ", "\"1.2.3.4\"", "1.2.3.4 5.6.7.8", "\u{661}.2.3.4"])
    {
        assert_eq!(forwarded(wrong), None, "{wrong:?}");
        assert_eq!(behind("10.0.0.1", &[wrong]), ip("10.0.0.1"), "{wrong:?}");
        let then_proxy = format!("1.2.3.4, {wrong}, 10.0.0.7");
        assert_eq!(
            behind("10.0.0.1", &[&then_proxy]),
            ip("10.0.0.7"),
            "{wrong:?}"
        );
        assert_eq!(
            behind("10.0.0.1", &["1.2.3.4", wrong, "10.0.0.7"]),
            ip("10.0.0.7"),
            "{wrong:?}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_hide_nothing_to_their_right() {
    let name = HeaderName::from_static("x-forwarded-for");
    for (line, client) in [
        (&b"\xff"[..], "10.0.0.1"),
        (b"\xff, 203.0.113.9", "203.0.113.9"),
        (b"1.2.3.4\xff, 203.0.113.9, 10.1.1.1", "203.0.113.9"),
        (b"203.0.113.9, \xff, 10.1.1.1", "10.1.1.1"),
        (b"203.0.113.9\xff, 10.1.1.1", "10.1.1.1"),
    ] {
        let mut headers = HeaderMap::new();
        headers.append(name.clone(), HeaderValue::from_bytes(line).unwrap());
        let found = address(ip("10.0.0.1"), &headers, &networks(PROXIES));
        assert_eq!(found, ip(client), "{line:?}");
    }
}

#[test]
fn an_address_may_come_with_its_port() {
    for (entry, expected) in [
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("[2001:db8::9]:4711", "2001:db8::9"),
        ("[::ffff:203.0.113.9]:4711", "203.0.113.9"),
    ] {
        assert_eq!(forwarded(entry), Some(ip(expected)), "{entry}");
    }
}

#[test]
fn every_spelling_of_an_address_is_the_same_client() {
    for (spelling, client) in [
        ("2001:db8:0:0:0:0:0:9", "2001:db8::9"),
        ("2001:0db8:0000:0000:0000:0000:0000:0009", "2001:db8::9"),
        ("2001:DB8::9", "2001:db8::9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::FFFF:cb00:7109", "203.0.113.9"),
        ("0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"),
    ] {
        assert_eq!(behind("10.0.0.1", &[spelling]), ip(client), "{spelling}");
        // As a peer as well: a socket for both families says ::ffff:a.b.c.d.
        assert_eq!(behind(spelling, &["1.2.3.4"]), ip(client), "{spelling}");
    }
}

#[test]
fn an_ipv6_client_is_counted_by_its_network_of_64_bits() {
    for (address, counted) in [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::", "2001:db8:1:3::"),
        ("::1", "::"),
    ] {
        assert_eq!(household(ip(address)), ip(counted), "{address}");
    }
}

#[test]
fn networks_hold_what_they_say() {
    let list = networks("10.0.0.0/8,192.0.2.7 , 2001:db8::/32,::1");
    for inside in
        "10.0.0.0 10.255.255.255 192.0.2.7 ::ffff:10.1.2.3 2001:db8:ffff::1 ::1".split_whitespace()
    {
        assert!(list.contains(ip(inside)), "{inside}");
    }
    for outside in "9.255.255.255 11.0.0.0 192.0.2.6 192.0.2.8 2001:db9:: ::2 ::10.0.0.1 0.0.0.0 ::"
        .split_whitespace()
    {
        assert!(!list.contains(ip(outside)), "{outside}");
    }
}

#[test]
fn a_network_of_ipv4_written_as_ipv6_is_the_same_network() {
    assert_eq!(networks("::ffff:10.0.0.0/104"), networks("10.0.0.0/8"));
    assert_eq!(networks("::ffff:192.0.2.7"), networks("192.0.2.7"));
    assert_eq!(networks("::ffff:0:0/96"), networks("0.0.0.0/0"));
}

#[test]
fn every_ipv6_address_does_not_mean_every_ipv4_address() {
    assert!(!networks("::/0").contains(ip("203.0.113.9")));
    assert!(!networks("0.0.0.0/0").contains(ip("2001:db8::9")));
    assert!(networks("::/0").holds_everybody());
    assert!(networks("10.0.0.0/8,0.0.0.0/0").holds_everybody());
    assert!(networks("::ffff:0:0/96").holds_everybody());
    assert!(!networks("10.0.0.0/8").holds_everybody());
}

#[test]
fn what_is_no_network_is_refused_by_name() {
    for wrong in "localhost 10.0.0.0/33 10.0.0.0/-1 10.0.0/8 10.0.0.0/ /8 ::/129 10.* \
             10.0.0.0/255.0.0.0 10.0.0.0-10.0.0.9 1.2.3.4:80 [::1] fe80::1%eth0"
        .split_whitespace()
        .chain([""])
    {
        let list = format!("192.0.2.1,{wrong}");
        assert_eq!(
            Networks::parse(&list),
            Err(NotNetworks::Malformed(wrong.to_owned())),
            "{wrong:?}"
        );
    }
    assert_eq!(networks(""), Networks::default());
    assert_eq!(networks(" "), Networks::default());
}

#[test]
fn an_address_within_a_network_is_not_silently_widened() {
    let error = Networks::parse("10.0.0.1/8").unwrap_err().to_string();
    assert!(error.contains("10.0.0.0/8"), "{error}");
    assert!(Networks::parse("2001:db8::1/32").is_err());
    assert!(Networks::parse("10.0.0.1/32").is_ok());
}

proptest! {
    /// Nothing a client writes moves it away from the address its proxy saw.
    #[test]
    fn whatever_a_client_writes_it_stays_where_it_is(
        lines in proptest::collection::vec("[ -~]{0,60}", 0..4),
        client in any::<u32>(),
    ) {
        let client = IpAddr::V4(Ipv4Addr::from_bits(client));
        prop_assume!(!networks(PROXIES).contains(client));
        let appended = match lines.split_last() {
            Some((last, before)) => {
                let mut all: Vec<String> = before.to_vec();
                all.push(format!("{last}, {client}"));
                all
            }
            None => vec![client.to_string()],
        };
        let appended: Vec<&str> = appended.iter().map(String::as_str).collect();
        prop_assert_eq!(behind("10.0.0.1", &appended), client);
        let written: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = address(client, &headers(&written), &networks(PROXIES));
        prop_assert_eq!(found, client);
    }

    /// No host can leave the count of its network by choosing another address in it.
    #[test]
    fn all_addresses_of_a_network_count_as_one(network in any::<u64>(), one in any::<u64>(), other in any::<u64>()) {
        prop_assume!(network != 0);
        let host = |host: u64| {
            IpAddr::V6(Ipv6Addr::from_bits(u128::from(network) << 64 | u128::from(host)))
        };
        prop_assert_eq!(household(host(one)), household(host(other)));
    }
}
