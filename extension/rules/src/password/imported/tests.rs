//! Against the reference implementations: OpenBSD's bcrypt and the argon2 of its authors, both by
//! way of their Python packages, and bcrypt's published vectors.

use super::super::{Verdict, is_importable, params_of, verify};
use super::*;
use proptest::prelude::*;

fn verdict(password: &str, stored: &str) -> Verdict {
    let cheap = Params::new(8, 1, 1).unwrap();
    verify(password, Some(stored), cheap, &mut Vec::new()).unwrap()
}

const RIGHT: Verdict = Verdict::Match { rehash: true };

const PLAIN: &str = "$2b$04$.OC/.OC/.OC/.OC/.OC/.O95QSYC/8XUIcXHqhj9W/iJBxoMii/wa";

#[test]
fn bcrypt_hashes_verify_and_ask_to_be_replaced() {
    for (password, stored) in [
        ("password", PLAIN),
        (
            "pässwörd",
            "$2a$05$999999999999999999999uJqRr1KIdoguDpZlOXpMA3fKQQe4fxxq",
        ),
        (
            "",
            "$2b$04$.eGA.eGA.eGA.eGA.eGA.eyfgnKAO4VnX6OS2z6XLLoL7LuddzAgm",
        ),
        // jBCrypt's vectors.
        (
            "",
            "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.",
        ),
        (
            "a",
            "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe",
        ),
        (
            "abcdefghijklmnopqrstuvwxyz",
            "$2a$08$aTsUwsyowQuzRrDqFflhgekJ8d9/7Z3GV3UcgvzQW3J5zMyrTvlz.",
        ),
    ] {
        assert_eq!(verdict(password, stored), RIGHT, "{stored}");
        for name in ["$2a$", "$2b$", "$2y$"] {
            let other = format!("{name}{}", &stored[4..]);
            assert_eq!(verdict(password, &other), RIGHT, "{other}");
            assert!(is_importable(&other));
            assert_eq!(params_of(&other), Err(ParamsError::NotArgon2));
        }
        for wrong in ["Password", "password ", "passwor", "b", "pässwörd\u{301}"] {
            assert_eq!(
                verdict(wrong, stored),
                Verdict::Mismatch,
                "{wrong:?} {stored}"
            );
        }
    }
}

/// As bcrypt does: 71 and 72 bytes differ, what comes after 72 does not count.
#[test]
fn bcrypt_looks_at_72_bytes() {
    let (of_71, of_72) = (
        "$2b$04$.uKB.uKB.uKB.uKB.uKB.ultl5.I3sbrBTEVcTbwh0XH9zhlJFfUW",
        "$2b$04$.uKB.uKB.uKB.uKB.uKB.usCmZFSrhmjjTGUN95OPuQylmPS7SrTm",
    );
    let x = |count| "x".repeat(count);
    assert_eq!(verdict(&x(71), of_71), RIGHT);
    assert_eq!(verdict(&x(72), of_72), RIGHT);
    assert_eq!(verdict(&x(73), of_72), RIGHT);
    assert_eq!(verdict(&format!("{}é", x(72)), of_72), RIGHT);
    assert_eq!(verdict(&x(71), of_72), Verdict::Mismatch);
    assert_eq!(verdict(&x(72), of_71), Verdict::Mismatch);
    assert_eq!(
        verdict(&format!("{}é", x(71)), of_72),
        Verdict::Mismatch,
        "cut inside a letter"
    );
}

/// Two spellings of one input to bcrypt, but not of one password.
#[test]
fn bcrypt_is_not_fooled_by_a_nul() {
    let stored = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
    assert_eq!(
        bcrypt(4, [1; 16], "a"),
        bcrypt(4, [1; 16], "a\0a"),
        "bcrypt itself is"
    );
    for password in ["a\0", "a\0a", "a\0b"] {
        assert_eq!(verdict(password, stored), Verdict::Mismatch, "{password:?}");
    }
}

/// Bits that no byte holds: ignored, as by the implementations that wrote them.
#[test]
fn bits_left_over_in_bcrypt_base64_do_not_count() {
    let (last_of_salt, last_of_hash) = (28, 59);
    for (place, other) in [(last_of_salt, "P"), (last_of_hash, "b")] {
        let mut stored = PLAIN.to_owned();
        assert_ne!(&stored[place..=place], other);
        stored.replace_range(place..=place, other);
        assert_eq!(verdict("password", &stored), RIGHT, "{stored}");
    }
}

#[test]
fn bcrypt_costs_are_bounded_and_its_form_is_exact() {
    let with_cost = |cost: &str| PLAIN.replace("$04$", &format!("${cost}$"));
    for cost in 4..=14 {
        assert!(is_importable(&with_cost(&format!("{cost:02}"))), "{cost}");
    }
    let mut refused: Vec<String> = [
        "00", "03", "15", "31", "99", "4", "004", "+4", "-4", " 4", "", "٤",
    ]
    .into_iter()
    .map(with_cost)
    .collect();
    refused.extend([
        PLAIN.replace("$2b$", "$2x$"),
        PLAIN.replace("$2b$", "$2$"),
        PLAIN.replace("$2b$", "$2B$"),
        PLAIN.replace("$2b$", "2b$"),
        PLAIN[..59].to_owned(),
        format!("{PLAIN}a"),
        format!("{PLAIN}\n"),
        format!(" {PLAIN}"),
        PLAIN.replace("/wa", "/w="),
        PLAIN.replace("/wa", "/w+"),
        PLAIN.replace("/wa", "/é"),
        PLAIN.replace("OC/.O95", "OC/.é5"),
    ]);
    for stored in refused {
        assert!(!is_importable(&stored), "{stored}");
        assert_eq!(params_of(&stored), Err(ParamsError::Malformed), "{stored}");
        assert_eq!(
            verdict("password", &stored),
            Verdict::Unreadable,
            "{stored}"
        );
    }
}

#[test]
fn argon2_of_all_kinds_and_lengths_verifies_and_asks_to_be_replaced() {
    let one = Params::new(64, 2, 1).unwrap();
    let two = Params::new(64, 2, 2).unwrap();
    for (params, stored) in [
        (
            one,
            "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$+VaXPdIkAjW1FK0knxtsAQ",
        ),
        (
            one,
            "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$pbigQcuZHII9wPBZI5URmc0Lp86D/tE0caICkLhLFTQ",
        ),
        (
            two,
            "$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$Rrttd+hb7ssV78NpcDrwNx67k0fSF047BQU1SJGDzyWtrTA+KrwPYJURd3Uj93njI9uou++jJJ1H8x3OJyiiGQ",
        ),
        (
            one,
            "$argon2d$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$rtwfMXhX8sNvKvbIaxdtlA",
        ),
        (
            one,
            "$argon2d$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RTUk2uYFgLQbP6uchDgOW1dycMr0wF3+Ex5+kF2Y9J8",
        ),
        (
            two,
            "$argon2d$v=19$m=64,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$W4vmJeXWBid18jzffp3jEM8LcGenp1crzMnRLgB/hT+kuoCki9/pAYrlDDeyLLTMwKzbbu1eI7kfI/g0mhFeDQ",
        ),
        (
            one,
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$eSqXvpoaUP6jbXltItIBAw",
        ),
        (
            one,
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Gpj7qOY5RCXJvcMzqcdQqvgR3wcPX7SleI4c9NtXk6E",
        ),
        (
            two,
            "$argon2id$v=19$m=64,t=2,p=2$c29tZXNhbHRzb21lc2FsdA$ile4H3AFeKPRZaBIHhaeOk0ugE/y6BLXqfLBHCIkBEkLp3JHIDCab7/vOUCvJKCOilMXg/TlQACJSyQG/qdDmA",
        ),
    ] {
        assert_eq!(verdict("password", stored), RIGHT, "{stored}");
        assert_eq!(verdict("Password", stored), Verdict::Mismatch, "{stored}");
        assert_eq!(params_of(stored), Ok(params), "{stored}");
        assert!(is_importable(stored));
        // Of another kind than ours: replaced even where the parameters are the current ones. The
        // one that differs in nothing from ours is ours.
        let current = verify("password", Some(stored), params, &mut Vec::new());
        let ours = stored.contains("$Gpj7qOY5");
        assert_eq!(current, Ok(Verdict::Match { rehash: !ours }), "{stored}");
    }
}

#[test]
fn argon2_out_of_bounds_is_refused() {
    for kind in ["argon2i", "argon2d", "argon2id"] {
        let stored = |head: &str, hash: usize| {
            let hash = base64::engine::general_purpose::STANDARD_NO_PAD.encode(vec![7; hash]);
            format!("${kind}${head}$c29tZXNhbHQ${hash}")
        };
        assert!(is_importable(&stored("v=19$m=64,t=2,p=1", 16)));
        assert!(is_importable(&stored("v=19$m=64,t=2,p=1", 64)));
        for (text, error) in [
            (stored("v=19$m=64,t=2,p=1", 15), ParamsError::Malformed),
            (stored("v=19$m=64,t=2,p=1", 65), ParamsError::Malformed),
            (stored("v=16$m=64,t=2,p=1", 32), ParamsError::Malformed),
            (stored("m=64,t=2,p=1", 32), ParamsError::Malformed),
            (
                stored("v=19$m=64,t=2,p=1,data=AAAA", 32),
                ParamsError::Parallelism,
            ),
            (stored("v=19$m=1048577,t=2,p=1", 32), ParamsError::Memory),
            (stored("v=19$m=64,t=65,p=1", 32), ParamsError::Iterations),
            (stored("v=19$m=640,t=2,p=17", 32), ParamsError::Parallelism),
        ] {
            assert!(!is_importable(&text), "{text}");
            assert_eq!(params_of(&text), Err(error), "{text}");
            assert_eq!(verdict("password", &text), Verdict::Unreadable, "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_stored_text_breaks_it(text in r"(\$2[abxy]\$[0-9]{1,2}\$)?.{0,70}", argon in r"\$argon2(i|d|id)\$v=19\$m=[0-9]{0,3},t=[0-9],p=[0-9]\$[A-Za-z0-9+/]{0,30}\$[A-Za-z0-9+/]{0,90}") {
        for text in [text, argon] {
            prop_assert_eq!(is_importable(&text), !matches!(params_of(&text), Err(error) if error != ParamsError::NotArgon2));
        }
    }

    /// In place of a comparison with the crate's own cutting: it pads and cuts the same way.
    #[test]
    fn any_password_is_its_own_and_no_other(password in "[^\0]{0,90}", other in "[^\0]{0,90}") {
        let hash = |password: &str| bcrypt(4, [3; 16], password);
        let seen = |password: &str| password.bytes().take(72).collect::<Vec<_>>();
        prop_assert_eq!(hash(&password) == hash(&other), seen(&password) == seen(&other));
    }
}
