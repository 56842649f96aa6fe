//! Hashes against published vectors, bounds against a hostile hash column, and the policy.

use super::*;
use argon2::{AssociatedData, ParamsBuilder};

/// The least the algorithm allows: these tests are about decisions, not about cost.
fn cheap() -> Params {
    Params::new(8, 1, 1).unwrap()
}

fn cheap_hash(password: &str) -> String {
    hash(password, &[9; 16], cheap(), &mut Vec::new()).unwrap()
}

fn verdict(password: &str, stored: &str) -> Verdict {
    verify(password, Some(stored), cheap(), &mut Vec::new()).unwrap()
}

/// RFC 9106 section 5.3. Our own hashes use neither secret nor associated data, so this speaks for
/// the library as it is built here.
#[test]
fn rfc_9106_argon2id() {
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).unwrap())
        .build()
        .unwrap();
    let mut tag = [0; 32];
    Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params)
        .unwrap()
        .hash_password_into(&[1; 32], &[2; 16], &mut tag)
        .unwrap();
    let expected = [
        0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b, 0x53,
        0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9, 0x6b, 0x01,
        0xe6, 0x59,
    ];
    assert_eq!(tag, expected);
}

/// Hashes of the reference implementation: what others wrote, we read.
#[test]
fn hashes_made_elsewhere_are_read() {
    for stored in [
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    ] {
        assert_eq!(
            verdict("password", stored),
            Verdict::Match { rehash: true },
            "{stored}"
        );
        assert_eq!(verdict("Password", stored), Verdict::Mismatch, "{stored}");
    }
}

#[test]
fn the_default_is_what_is_written() {
    let mut blocks = Vec::new();
    reserve(&mut blocks, Params::default()).unwrap();
    assert_eq!(blocks.len(), 19_456);
    let stored = hash("correct horse", &[7; 16], Params::default(), &mut blocks).unwrap();
    assert!(
        stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"),
        "{stored}"
    );
    let found = verify(
        "correct horse",
        Some(&stored),
        Params::default(),
        &mut blocks,
    )
    .unwrap();
    assert_eq!(found, Verdict::Match { rehash: false });
    assert_eq!(params_of(&stored), Ok(Params::default()));
    assert_eq!(blocks.len(), 19_456, "one memory serves again and again");
}

/// One buffer serves users whose hashes have different parameters, in any order.
#[test]
fn what_an_earlier_hash_left_in_memory_changes_nothing() {
    let large = Params::new(256, 1, 2).unwrap();
    let mut blocks = Vec::new();
    let (small_alone, large_alone) = (
        cheap_hash("x"),
        hash("x", &[9; 16], large, &mut Vec::new()).unwrap(),
    );
    for (params, expected) in [
        (large, &large_alone),
        (cheap(), &small_alone),
        (large, &large_alone),
    ] {
        assert_eq!(
            hash("x", &[9; 16], params, &mut blocks).as_ref(),
            Ok(expected)
        );
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let stored = cheap_hash("correct horse");
    assert_eq!(
        verdict("correct horse", &stored),
        Verdict::Match { rehash: false }
    );
    for wrong in [
        "",
        "correct horse ",
        "Correct horse",
        "correct hors",
        "correct horse\0",
        "correct horse\u{301}",
    ] {
        assert_eq!(verdict(wrong, &stored), Verdict::Mismatch, "{wrong:?}");
    }
    // Nothing is cut off: bcrypt would stop at 72 bytes and at a NUL.
    let long = "x".repeat(100);
    assert_eq!(
        verdict(&format!("{long}y"), &cheap_hash(&long)),
        Verdict::Mismatch
    );
    assert_eq!(
        verdict(&long, &cheap_hash(&long)),
        Verdict::Match { rehash: false }
    );
}

#[test]
fn a_hash_with_other_parameters_asks_to_be_made_again() {
    let stored = cheap_hash("correct horse");
    let current = Params::new(16, 2, 1).unwrap();
    let found = verify("correct horse", Some(&stored), current, &mut Vec::new());
    assert_eq!(found, Ok(Verdict::Match { rehash: true }));
    assert_eq!(
        verify("wrong", Some(&stored), current, &mut Vec::new()),
        Ok(Verdict::Mismatch)
    );
}

/// Without the same work for an unknown address, the time of the answer lists the known ones.
#[test]
fn an_unknown_user_costs_the_same_memory_and_never_matches() {
    let current = Params::new(64, 1, 1).unwrap();
    for (stored, expected) in [
        (None, Verdict::Mismatch),
        (Some("!"), Verdict::Unreadable),
        (Some(""), Verdict::Unreadable),
    ] {
        for password in ["", "correct horse"] {
            let mut blocks = Vec::new();
            assert_eq!(verify(password, stored, current, &mut blocks), Ok(expected));
            assert_eq!(blocks.len(), 64, "the memory of a real hash was filled");
            assert!(
                blocks
                    .iter()
                    .any(|block| block.as_ref().iter().any(|word| *word != 0)),
                "and worked on"
            );
        }
    }
}

#[test]
fn a_stored_hash_that_asks_for_too_much_is_refused() {
    let tail = "$c29tZXNhbHRzb21lc2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for (parameters, error) in [
        ("m=104857600,t=2,p=1", ParamsError::Memory),
        ("m=1048577,t=2,p=1", ParamsError::Memory),
        ("m=4294967295,t=2,p=1", ParamsError::Memory),
        ("m=99999999999,t=2,p=1", ParamsError::Memory),
        ("m=7,t=2,p=1", ParamsError::Memory),
        ("m=8,t=2,p=2", ParamsError::Memory),
        ("m=0,t=2,p=1", ParamsError::Memory),
        ("m=19456,t=0,p=1", ParamsError::Iterations),
        ("m=19456,t=65,p=1", ParamsError::Iterations),
        ("m=19456,t=4294967295,p=1", ParamsError::Iterations),
        ("m=19456,t=2,p=0", ParamsError::Parallelism),
        ("m=19456,t=2,p=17", ParamsError::Parallelism),
        ("m=19456,t=2,p=16777215", ParamsError::Parallelism),
        ("m=-1,t=2,p=1", ParamsError::Memory),
        ("m=+19456,t=2,p=1", ParamsError::Memory),
        ("m=019456,t=2,p=1", ParamsError::Memory),
        ("m=,t=2,p=1", ParamsError::Memory),
        ("m=19456,t=2", ParamsError::Malformed),
        ("t=2,m=19456,p=1", ParamsError::Malformed),
        ("m=19456,t=2,p=1,data=AAAA", ParamsError::Parallelism),
    ] {
        assert_eq!(
            params_of(&format!("$argon2id$v=19${parameters}{tail}")),
            Err(error),
            "{parameters}"
        );
        let stored = format!("$argon2id$v=19${parameters}{tail}");
        assert_eq!(
            verdict("password", &stored),
            Verdict::Unreadable,
            "{parameters}"
        );
    }
    assert!(params_of(&format!("$argon2id$v=19$m=1048576,t=64,p=16{tail}")).is_ok());
}

#[test]
fn a_stored_text_of_another_kind_is_refused() {
    let good = cheap_hash("correct horse");
    for stored in [
        String::new(),
        "correct horse".into(),
        good.replace("argon2id", "argon2x"),
        good.replace("v=19", "v=16"),
        good.replace("$v=19", ""),
        format!(" {good}"),
        format!("{good}="),
        format!("{good}$"),
        format!("{good}\n"),
        good[..good.len() - 1].to_owned(),
        good.replace("CQkJCQkJCQkJCQkJCQkJCQ", ""),
        good.replace("CQkJCQkJCQkJCQkJCQkJCQ", "CQkJCQkJCQ"),
        good.replace("CQkJCQkJCQkJCQkJCQkJCQ", &"CQkJ".repeat(22)),
        "$2x$10$abcdefghijklmnopqrstuuFhGqrzDCGRMKPYxE3T8LWBtOd0yS0Vi".into(),
        "$argon2id$v=19$m=8,t=1,p=1$CQkJCQkJCQkJCQkJCQkJCQ".into(),
    ] {
        assert_eq!(params_of(&stored), Err(ParamsError::Malformed), "{stored}");
        assert_eq!(
            verdict("correct horse", &stored),
            Verdict::Unreadable,
            "{stored}"
        );
    }
    assert_eq!(params_of(&good), Ok(cheap()));
    assert!(is_importable(&good), "a backup of ours");
}

#[test]
fn one_password_under_two_salts_has_two_hashes() {
    let hash_with =
        |salt: u8| hash("correct horse", &[salt; 16], cheap(), &mut Vec::new()).unwrap();
    assert_ne!(hash_with(1), hash_with(2));
    assert_eq!(hash_with(1), hash_with(1));
}

/// Inside PostgreSQL an aborted backend restarts the whole server. The child below runs with less
/// address space than the hash asks for.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_cannot_be_had_is_an_error_not_an_abort() {
    let status = |kib: u32| {
        std::process::Command::new("sh")
            .args(["-c", &format!("ulimit -v {kib} && exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--ignored",
                "--test-threads=1",
                "password::tests::child_without_memory",
            ])
            .output()
            .unwrap()
    };
    let starved = status(700_000);
    assert!(
        starved.status.success(),
        "{}",
        String::from_utf8_lossy(&starved.stdout)
    );
    assert!(String::from_utf8_lossy(&starved.stdout).contains("1 passed"));
}

#[test]
#[ignore = "run by the test above, in a process with little address space"]
fn child_without_memory() {
    let greedy = Params::new(Params::MAX_MEMORY_KIB, 1, 1).unwrap();
    assert_eq!(reserve(&mut Vec::new(), greedy), Err(OutOfMemory));
    assert_eq!(
        hash("x", &[0; 16], greedy, &mut Vec::new()),
        Err(HashError::OutOfMemory)
    );
    // The process lives, and smaller work still succeeds.
    assert!(hash("x", &[0; 16], cheap(), &mut Vec::new()).is_ok());
}

fn breaches(password: &str) -> Vec<PolicyBreach> {
    check_policy(password, &PasswordPolicy::default())
}

#[test]
fn each_missing_class_is_named() {
    use PolicyBreach as B;
    for (password, expected) in [
        ("Correct-horse-7", vec![]),
        ("correct-horse-7", vec![B::NoUppercase]),
        ("CORRECT-HORSE-7", vec![B::NoLowercase]),
        ("Correct-horse-x", vec![B::NoNumber]),
        ("CorrectHorse777", vec![B::NoSpecial]),
        ("Correct horse 7", vec![B::NoSpecial]),
        ("Correct-hor7", vec![]),
        ("Correct-ho7", vec![B::TooShort { min: 12 }]),
        (
            "",
            vec![
                B::TooShort { min: 12 },
                B::NoUppercase,
                B::NoLowercase,
                B::NoNumber,
                B::NoSpecial,
            ],
        ),
        ("Correct-horse-7\0", vec![B::ContainsNul]),
        (
            "correct horse\0",
            vec![B::ContainsNul, B::NoUppercase, B::NoNumber, B::NoSpecial],
        ),
    ] {
        assert_eq!(breaches(password), expected, "{password:?}");
    }
}

#[test]
fn every_punctuation_mark_and_symbol_is_special() {
    for special in "!@#$%^&*()-_=+[]{};:'\"\\|,.<>/?`~§€£°·«»„“”–…¿¡×÷±∞→☃😀、。".chars()
    {
        assert_eq!(
            breaches(&format!("CorrectHorse7{special}")),
            vec![],
            "{special}"
        );
    }
    for plain in "aZ7éß漢٣ \u{a0}\u{3000}\t\n\u{7f}\u{85}".chars() {
        assert_eq!(
            breaches(&format!("CorrectHorse7{plain}")),
            vec![PolicyBreach::NoSpecial],
            "{plain:?}"
        );
    }
}

#[test]
fn length_is_counted_in_characters() {
    let policy = PasswordPolicy {
        min_characters: 8,
        require_uppercase: false,
        require_lowercase: false,
        require_number: false,
        require_special: false,
    };
    assert_eq!(check_policy(&"é".repeat(8), &policy), vec![]);
    assert_eq!(
        check_policy(&"é".repeat(7), &policy),
        vec![PolicyBreach::TooShort { min: 8 }]
    );
    assert_eq!(check_policy(&"😀".repeat(MAX_CHARACTERS), &policy), vec![]);
    assert_eq!(
        check_policy(&"😀".repeat(MAX_CHARACTERS + 1), &policy),
        vec![PolicyBreach::TooLong]
    );
    assert_eq!(
        check_policy(&"a".repeat(1_000_000), &policy),
        vec![PolicyBreach::TooLong]
    );
}

#[test]
fn letters_of_every_script_count() {
    assert_eq!(breaches("Правильная-лошадь٣"), vec![]);
    assert_eq!(
        breaches("правильная-лошадь٣"),
        vec![PolicyBreach::NoUppercase]
    );
}

/// The vectors of FIPS 180, and a line of the best known list.
#[test]
fn lists_of_breached_passwords_are_kept_by_sha_1() {
    for (password, expected) in [
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("password", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"),
        ("é", "bf15be717ac1b080b4f1c456692825891ff5073d"),
    ] {
        let hex: String = list_key(password)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, expected, "{password}");
    }
}
