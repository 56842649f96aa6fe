//! Words of the context, plain and dressed up.

use super::{ForbiddenWord, contains_any};
use crate::password::{PasswordPolicy, PolicyBreach, check_new};
use proptest::prelude::*;

fn words(list: &[&str]) -> Vec<ForbiddenWord> {
    list.iter()
        .map(|word| ForbiddenWord::new(word).unwrap())
        .collect()
}

#[test]
fn a_forbidden_word_is_found_however_it_is_dressed_up() {
    let words = words(&["Acme", "rocket-sled", "Tübingen", "c3po"]);
    for password in [
        "acme",
        "ACME-Summer-7",
        "My-Acme-Login-2024",
        "4cm3-and-Horse-7",
        "@CM3-and-Horse-7",
        "a.c.m.e-Horse-7",
        "ac!me-Horse-7",
        "a_C_m_E",
        "xxacmexx",
        "RocketSled-2024!",
        "r0ck3t.$1ed-7-Aa",
        "tübingen-Horse-7",
        "TÜBINGEN-Horse-7",
        "C3PO-and-R2D2-7",
        "cepo-and-R2D2-7",
    ] {
        assert!(contains_any(password, &words), "{password}");
    }
    for password in [
        "",
        "Correct-Horse-7-Battery",
        "Acorn-Meadow-7-Lantern",
        "rocket-Horse-7-sled",
        "emca-Horse-7",
        "Tubingen-Horse-7",
    ] {
        assert!(!contains_any(password, &words), "{password}");
    }
    assert!(!contains_any("acme", &[]));
}

#[test]
fn it_is_a_breach_of_its_own_beside_the_others() {
    let words = words(&["acme"]);
    let policy = PasswordPolicy::default();
    let said = |password: &str| check_new(password, &policy, Some("ann@example.com"), &words);
    assert_eq!(said("Acme-Horse-7-Battery"), [PolicyBreach::ForbiddenWord]);
    assert_eq!(
        said("acme-horse-7-battery"),
        [PolicyBreach::NoUppercase, PolicyBreach::ForbiddenWord]
    );
    assert_eq!(said("Correct-Horse-7-Battery"), []);
    assert_eq!(
        PolicyBreach::ForbiddenWord.to_string(),
        "it contains a word that is easily guessed here"
    );
}

#[test]
fn a_word_that_would_be_in_many_good_passwords_is_none() {
    for word in ["", "abc", "a-b-c", "----", "ab c", &"x".repeat(129)] {
        assert_eq!(ForbiddenWord::new(word), None, "{word}");
    }
    for word in ["abcd", "a-b-c-d", "Ab Cd", &"x".repeat(128)] {
        let made = ForbiddenWord::new(word).unwrap();
        assert_eq!(made.as_str(), word.to_lowercase());
    }
}

proptest! {
    /// Wherever it stands, in whatever case, and with marks that mean nothing between its letters.
    #[test]
    fn no_clothes_hide_a_word(
        word in "[a-z]{4,12}", before in "[ -~]{0,12}", after in "[ -~]{0,12}", mark in "[-_. #]{0,2}", upper in any::<u16>()
    ) {
        let dressed: Vec<String> = word
            .chars()
            .enumerate()
            .map(|(at, letter)| if upper >> (at % 16) & 1 == 1 { letter.to_uppercase().collect() } else { letter.to_string() })
            .collect();
        let password = format!("{before}{}{after}", dressed.join(&mark));
        prop_assert!(contains_any(&password, &words(&[&word])), "{password}");
    }

    #[test]
    fn any_text_is_judged(password in any::<String>(), word in any::<String>()) {
        if let Some(word) = ForbiddenWord::new(&word) {
            contains_any(&password, &[word]);
        }
    }
}
