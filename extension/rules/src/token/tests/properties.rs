//! Whatever the bytes: no panic, and no second spelling of a token.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static TOKENS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [
        with_payload(payload()),
        signing_key(7).sign(&payload()).unwrap(),
    ]
});

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}|[A-Za-z0-9_.=-]{0,120}|[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{43}") {
        prop_assert!(enter(&text).is_err());
    }

    #[test]
    fn no_bytes_in_the_parts_make_it_panic(
        header in proptest::collection::vec(any::<u8>(), 0..60),
        payload in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        prop_assert!(enter(&hs256(&header, &payload)).is_err());
        prop_assert!(enter(&with_payload(&payload)).is_err());
    }

    #[test]
    fn no_json_like_payload_makes_it_panic(payload in r#"\{("(sub|exp|aud|role|iat|\\u00[0-9a-f]{2})":(null|-?[0-9]{1,25}|[0-9]e[0-9]{1,4}|"[a-z0-9\\u-]{0,9}"|\[\]|\[""\]|\{\}),?){0,4}\}"#) {
        if let Ok(claims) = enter(&with_payload(&payload)) {
            prop_assert!(claims.expires_at > NOW);
        }
    }

    #[test]
    fn any_single_changed_character_is_refused(index in any::<prop::sample::Index>(), which in 0usize..2, new in any::<char>()) {
        let token = &TOKENS[which];
        let at = index.index(token.len());
        prop_assume!(!token[at..].starts_with(new));
        let changed = format!("{}{new}{}", &token[..at], &token[at + 1..]);
        prop_assert!(enter(&changed).is_err(), "{}", changed);
    }

    #[test]
    fn any_inserted_or_removed_character_is_refused(index in any::<prop::sample::Index>(), which in 0usize..2, new in any::<char>()) {
        let token = &TOKENS[which];
        let at = index.index(token.len());
        let inserted = format!("{}{new}{}", &token[..at], &token[at..]);
        prop_assert!(enter(&inserted).is_err());
        let removed = format!("{}{}", &token[..at], &token[at + 1..]);
        prop_assert!(enter(&removed).is_err());
    }
}

/// The property above draws; this one leaves no place out.
#[test]
fn every_place_of_the_hmac_token_counts() {
    let token = &TOKENS[0];
    for at in 0..token.len() {
        for new in ['A', '_', '7', 'g'] {
            if !token[at..].starts_with(new) {
                let changed = format!("{}{new}{}", &token[..at], &token[at + 1..]);
                assert!(enter(&changed).is_err(), "{at} {new}");
            }
        }
    }
    allowed(token);
}
