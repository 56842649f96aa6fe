//! What people make of a common word to please a policy, and what must not be taken for that.

use super::super::{MAX_CHARACTERS, PasswordPolicy, PolicyBreach, check_new, check_policy};
use super::*;
use proptest::prelude::*;

/// Of passwords that the default policy has nothing against: then only this can refuse them.
fn refused(password: &str) -> bool {
    let policy = PasswordPolicy::default();
    assert_eq!(check_policy(password, &policy), vec![], "{password}");
    match check_new(password, &policy, None, &[]).as_slice() {
        [] => false,
        [PolicyBreach::Common] => true,
        other => panic!("{password}: {other:?}"),
    }
}

#[test]
fn a_common_word_in_the_clothes_of_a_policy_is_refused() {
    for password in [
        "Password123!",
        "P@ssw0rd2024!",
        "Qwertyuiop12!",
        "Welcome12345!",
        "Passwordpassword1!",
        "Pa$$word1234",
        "P4$$w0rd-1234",
        "2024!Password",
        "!!Password1!!",
        "$uperMan1234!",
        "Princes$1234!",
        "Trustno1-2024",
        "W3lc0me!!2024",
        "Wi11iam-2024!",
        "M1chae1-2024!",
        "Letmein!12345",
        "Iloveyou2024!",
        "Pass-word-1234",
        "Pass!word!2024",
        "P-a-s-s-w-o-r-d1",
        "Admin-2024-12",
        "Password8362917045!",
    ] {
        assert!(refused(password), "{password}");
    }
}

#[test]
fn repetition_makes_nothing_better() {
    for password in [
        "Password1!Password1!",
        "Password1password1!",
        "DragonDragonDragon1!",
        "Aaaaaaaaaaa1!",
        "Abababababab1!",
        "Aa1!Aa1!Aa1!",
        "Xyzzxyzz-1234",
    ] {
        assert!(refused(password), "{password}");
    }
}

#[test]
fn a_walk_over_the_keyboard_or_alphabet_is_refused() {
    for password in [
        "1qaz2wsx3edC!",
        "!QAZ2wsx#EDC4rfv",
        "Zaq1@wsxcde3",
        "1q2w3e4r5t6Y!",
        "Qazxsw23edcv!",
        "Zse4xdr5cft6!",
        "1Q2w3e4r5t6y!",
        "Asdfghjkl;12",
        "Qazwsxedcrfv71!",
        "Poiuytrewq09!",
        "Abcdefghijkl1!",
        "Zyxwvutsrq12!",
        "Mnbvcxz!12345",
    ] {
        assert!(refused(password), "{password}");
    }
}

/// A policy that asks for no letters is no reason to take these.
#[test]
fn digits_alone_can_be_common_too() {
    for password in [
        "123456789012",
        "111111111111",
        "121212121212",
        "098765432109",
        "12345678!",
        "19841984",
        "",
    ] {
        assert_eq!(is_common(password), !password.is_empty(), "{password}");
    }
    assert!(!is_common("830174925601"));
}

#[test]
fn a_good_password_is_taken() {
    for password in [
        "Correct-Horse-7-Battery",
        "Correct-horse-7",
        "CorrectHorse7!",
        "Tr0ub4dor&3-plus",
        "kX9#mQ2$vL7!",
        "Violet.Tractor.19",
        "Ünter-den-Linden-7",
        "Правильная-лошадь-7",
        "My dog ate 3 socks!",
        "Password-Tractor-7",
        "7xPassword-Tractor!",
    ] {
        assert!(!refused(password), "{password}");
    }
}

/// The search is binary: a line out of order would hide others.
#[test]
fn the_list_is_in_order_and_every_line_of_it_is_found() {
    let lines: Vec<&str> = WORDS.lines().collect();
    assert_eq!(lines.len(), 10_000);
    let key = |line: &str| line.bytes().map(folded).collect::<Vec<_>>();
    for pair in lines.windows(2) {
        assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
    }
    let listed = |word: &str| is_listed(&word.chars().collect::<Vec<_>>());
    for line in lines {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(line.len() >= 4 && line.bytes().all(plain), "{line}");
        assert!(listed(line), "{line}");
        for other in [
            format!("{line}\n"),
            format!("{line}~"),
            format!("~{line}"),
            format!("{line}é"),
        ] {
            assert!(!listed(&other), "{other:?}");
        }
    }
    for other in ["", "\n", "a", "zzzzzzzzzzzz", "é", "~"] {
        assert!(!listed(other), "{other:?}");
    }
}

/// Roots that begin or end with a digit are not told from the digits around them.
fn roots() -> impl Iterator<Item = &'static str> {
    WORDS.lines().filter(|line| {
        let ends = [line.as_bytes()[0], line.as_bytes()[line.len() - 1]];
        ends.iter().all(u8::is_ascii_lowercase)
    })
}

/// Each root of the list, dressed up: none comes through by its place in the list or by its letters.
#[test]
fn no_root_of_the_list_comes_through() {
    assert!(roots().count() > 9_400);
    for line in roots() {
        let mut capital = line.to_owned();
        capital[..1].make_ascii_uppercase();
        // Leet is undone in words only: in other roots a digit may be meant as a digit.
        let word = line.bytes().all(|byte| byte.is_ascii_lowercase());
        // At the very end only some symbols are taken for letters.
        let (inner, last) = capital.split_at(capital.len() - 1);
        let mut leet = inner.to_owned();
        if word {
            for (letter, symbol) in [("a", "@"), ("o", "0"), ("s", "$"), ("l", "1")] {
                leet = leet.replace(letter, symbol);
            }
        }
        leet.push_str(last);
        for password in [
            format!("{capital}2024!"),
            format!("!{capital}!!"),
            format!("{line}{line}1!"),
            format!("{leet}#2024"),
        ] {
            assert!(is_common(&password), "{password}");
        }
    }
}

#[test]
fn the_address_or_a_part_of_it_is_refused() {
    let policy = PasswordPolicy::default();
    let breaches = |password, email| check_new(password, &policy, Some(email), &[]);
    let refused = vec![PolicyBreach::ContainsEmail];
    for (password, email) in [
        ("Xk7!annabel-9Q", "annabel@example.com"),
        ("Xk7!ANNABEL-9Q", "annabel@example.com"),
        ("Xk7!4nn@b3l-9Q", "annabel@example.com"),
        ("Xk7!ann1984-9Q", "ann1984@example.com"),
        ("Xk7!annabel-9Q", "Annabel+fluxbase@example.com"),
        ("Ann@example.com1", "ann@example.com"),
        ("Some.7-One.Example", "x@some.7-one.example"),
        ("Xk7!ännabel-9Q", "Ännabel@example.com"),
        ("Xk7!annabel-9Q", "annabel"),
    ] {
        assert_eq!(breaches(password, email), refused, "{password} {email}");
    }
    for (password, email) in [
        ("Xk7!ann-9Q-Violet", "ann@example.com"),
        ("Xk7!annabe-9QVi", "annabel@example.com"),
        ("Xk7!annabel-9Q", ""),
        ("Xk7!annabel-9Q", "@"),
        ("Xk7!annabel-9Q", "+@example.com"),
    ] {
        assert_eq!(breaches(password, email), vec![], "{password} {email}");
    }
    assert!(!breaches("", "ann@example.com").contains(&PolicyBreach::ContainsEmail));
    assert_eq!(check_new("Xk7!annabel-9Q", &policy, None, &[]), vec![]);
}

#[test]
fn what_the_policy_says_comes_first_and_both_new_rules_after_it() {
    let policy = PasswordPolicy::default();
    let found = check_new("password", &policy, Some("password@example.com"), &[]);
    let mut expected = check_policy("password", &policy);
    expected.extend([PolicyBreach::Common, PolicyBreach::ContainsEmail]);
    assert_eq!(found, expected);
    assert_eq!(
        PolicyBreach::Common.to_string(),
        "it is among the most common passwords"
    );
    assert_eq!(
        PolicyBreach::ContainsEmail.to_string(),
        "it must not be the e-mail address or a part of it"
    );
}

#[test]
fn a_long_text_costs_no_more_than_the_longest_password() {
    for text in [
        "a".repeat(10_000_000),
        "0!".repeat(5_000_000),
        "\u{130}".repeat(5_000_000),
    ] {
        let found = check_new(&text, &PasswordPolicy::default(), Some(&text), &[]);
        assert!(found.contains(&PolicyBreach::TooLong));
    }
    assert!(!is_common(&("kX9#mQ2$vL".repeat(12) + "7uJ")));
    assert_eq!(MAX_CHARACTERS, 128);
}

fn random_of_four_classes() -> impl Strategy<Value = String> {
    proptest::collection::vec(b'!'..=b'~', 20)
        .prop_map(|bytes| bytes.into_iter().map(char::from).collect::<String>())
        .prop_filter("all four classes", |password| {
            check_policy(password, &PasswordPolicy::default()).is_empty()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Chance makes words too, and what is around them counts for nothing. So the few are left out
    /// whose letters hold a root anywhere, which is more than having one for a core.
    #[test]
    fn no_random_password_is_taken_for_a_common_one(password in random_of_four_classes()) {
        let folded = |text: &str| text.to_lowercase().replace('l', "i");
        let holds_a_root = |read: fn(char) -> char| {
            let letters: String = folded(&password).chars().map(read).filter(char::is_ascii_alphanumeric).collect();
            WORDS.lines().any(|root| letters.contains(&folded(root)))
        };
        prop_assume!(!holds_a_root(|character| character) && !holds_a_root(meant));
        prop_assert_eq!(check_new(&password, &PasswordPolicy::default(), Some("annabel@example.com"), &[]), vec![]);
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it(password in any::<String>(), email in any::<String>(), leet in "[@0!13457$a-c]{0,150}") {
        let policy = PasswordPolicy::default();
        for text in [&password, &leet] {
            let found = check_new(text, &policy, Some(&email), &[]);
            prop_assert!(found.starts_with(&check_policy(text, &policy)));
            let _ = check_new(text, &policy, Some(text), &[]);
        }
    }

    #[test]
    fn digits_and_symbols_around_a_root_never_help(
        place in 0_usize..9_400, before in "[#%&*0-9]{0,3}", after in "[#%&*0-9]{0,12}",
    ) {
        let root = roots().nth(place).unwrap();
        let password = format!("{before}{root}{after}");
        prop_assert!(is_common(&password), "{}", password);
    }
}
