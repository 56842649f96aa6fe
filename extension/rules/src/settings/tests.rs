//! The list: closed, bounded, documented, and silent about secrets.

use super::*;
use crate::lockout::Rules;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn problem(name: &str, text: &str) -> String {
    parse(name, text).unwrap_err().to_string()
}

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let settings = Settings::from_rows([]).unwrap();
    assert_eq!(settings.jwt_secret, None);
    assert_eq!(settings.jwt_secret_previous, None);
    assert_eq!(
        (settings.jwt_issuer.as_str(), settings.jwt_audience.as_str()),
        ("fluxbase", "fluxbase")
    );
    assert_eq!(settings.jwt_leeway_seconds, 0);
    assert_eq!(
        (
            settings.access_token_seconds,
            settings.refresh_token_seconds
        ),
        (900, 604_800)
    );
    assert!(settings.signup_enabled);
    assert_eq!(settings.password_policy, PasswordPolicy::default());
    assert_eq!(settings.password_hash, Params::default());
}

#[test]
fn every_setting_has_a_default_it_accepts_and_a_sentence() {
    for setting in all() {
        let (name, text) = canonical(setting.name, setting.default).unwrap();
        assert_eq!(
            (name, text.as_str()),
            (setting.name, setting.default),
            "the default is its own one spelling"
        );
        assert!(
            setting.doc.ends_with('.') && setting.doc.len() > 20,
            "{name}"
        );
        assert!(
            !setting.doc.contains('|') && !setting.kind.accepted().contains('|'),
            "would break the table: {name}"
        );
    }
    let mut names: Vec<&str> = all()
        .iter()
        .flat_map(|s| [Some(s.name), s.alias].into_iter().flatten())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "no name twice");
}

#[test]
fn every_lockout_type_locks_what_it_names() {
    let lockout = |rows: &[(&str, &str)]| {
        let settings = Settings::from_rows(rows.iter().copied()).unwrap();
        (settings.lockout.by_email, settings.lockout.by_ip)
    };
    for (word, by_email, by_ip) in [
        ("email", Some(5), None),
        ("ip", None, Some(5)),
        ("ip_and_email", Some(5), Some(5)),
        ("none", None, None),
    ] {
        assert_eq!(lockout(&[("lockout_type", word)]), (by_email, by_ip));
    }
    // Many people may stand behind one address.
    assert_eq!(
        lockout(&[("max_login_attempts_per_ip", "50")]),
        (Some(5), Some(50))
    );
    let refused = Settings::from_rows([("lockout_type", "both")]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "setting `lockout_type`: `both` is none of them; accepted is email, ip, ip_and_email, none"
    );
}

#[test]
fn every_setting_reaches_its_field() {
    let rows = [
        ("jwt_secret", SECRET),
        ("jwt_secret_previous", "fedcba9876543210fedcba9876543210"),
        ("jwt_issuer", "https://id.example"),
        ("jwt_audience", "app"),
        ("jwt_leeway", "30s"),
        ("access_token_expiry", "5m"),
        ("refresh_token_expiry", "30d"),
        ("signup_enabled", "false"),
        ("password_min_length", "16"),
        ("password_require_uppercase", "false"),
        ("password_require_lowercase", "false"),
        ("password_require_number", "false"),
        ("password_require_special", "false"),
        ("password_forbidden_words", "Acme, rocket-sled"),
        ("password_hash_memory_kib", "65536"),
        ("password_hash_iterations", "3"),
        ("password_hash_parallelism", "2"),
        ("max_concurrent_hashes", "3"),
        ("max_login_attempts", "7"),
        ("max_login_attempts_per_ip", "70"),
        ("lockout_duration", "1h"),
        ("lockout_type", "email"),
        ("password_max_age_days", "90"),
        ("temporary_password_expiry", "12h"),
        ("admins_choose_passwords", "false"),
        ("password_login_enabled", "false"),
        ("anonymous_enabled", "true"),
        ("require_email_verification", "true"),
        ("email_confirmation_expiry", "2d"),
        ("password_reset_expiry", "30m"),
        ("magic_link_enabled", "false"),
        ("magic_link_expiry", "5m"),
        ("allowed_redirect_urls", "https://app.example/in"),
        ("session_lifetime", "12h"),
        ("totp_issuer", "Example"),
        ("require_2fa_for_admins", "true"),
        ("require_2fa_for_users", "true"),
        ("require_2fa_for_sensitive_ops", "false"),
        ("reauthentication_window", "0s"),
        ("allow_user_client_keys", "false"),
        ("setup_token", "a setup token of thirty-two letters"),
        ("site_origin", "https://self.example/"),
        ("development", "true"),
    ];
    // What cannot be otherwise has no field.
    let changeable = |setting: &&Setting| !matches!(setting.kind, Kind::Always(_));
    let lines = all().iter().filter(changeable).count();
    assert_eq!(rows.len(), lines, "a new setting needs a line here");
    let all_set = Settings::from_rows(rows).unwrap();
    assert_eq!(
        all_set.jwt_secret.as_ref().map(Secret::expose),
        Some(SECRET)
    );
    assert_eq!(
        all_set.jwt_secret_previous.as_ref().map(Secret::expose),
        Some("fedcba9876543210fedcba9876543210")
    );
    assert_eq!(
        all_set.expected(),
        Expected {
            issuer: "https://id.example".into(),
            audience: "app".into(),
            leeway_seconds: 30
        }
    );
    assert_eq!(
        (all_set.access_token_seconds, all_set.refresh_token_seconds),
        (300, 2_592_000)
    );
    assert!(!all_set.signup_enabled);
    let policy = all_set.password_policy;
    assert_eq!(policy.min_characters, 16);
    assert!(
        !(policy.require_uppercase
            || policy.require_lowercase
            || policy.require_number
            || policy.require_special)
    );
    let words: Vec<_> = all_set
        .password_forbidden_words
        .iter()
        .map(|word| word.as_str())
        .collect();
    assert_eq!(words, ["acme", "rocket-sled"]);
    assert_eq!(all_set.password_hash, Params::new(65_536, 3, 2).unwrap());
    assert_eq!(all_set.max_concurrent_hashes, 3);
    assert_eq!(
        all_set.lockout,
        Rules {
            by_email: Some(7),
            by_ip: None,
            window_seconds: 3600
        }
    );
    assert_eq!(all_set.password_max_age_seconds, Some(90 * 86_400));
    assert_eq!(all_set.temporary_password_seconds, 43_200);
    assert_eq!(
        (
            all_set.email_confirmation_seconds,
            all_set.password_reset_seconds,
            all_set.magic_link_seconds,
            all_set.session_seconds
        ),
        (172_800, 1800, 300, 43_200)
    );
    assert_eq!(
        all_set.setup_token.as_ref().map(Secret::expose),
        Some("a setup token of thirty-two letters")
    );
    assert_eq!(all_set.totp_issuer, "Example");
    let redirects: Vec<_> = all_set
        .allowed_redirects
        .iter()
        .map(|url| url.as_str())
        .collect();
    assert_eq!(
        redirects,
        ["https://app.example/in", "https://self.example/"]
    );
    assert!(all_set.development);
    assert!(
        !all_set.password_login_enabled
            && !all_set.admins_choose_passwords
            && !all_set.magic_link_enabled
            && !all_set.allow_user_client_keys
    );
    assert!(all_set.anonymous_enabled && all_set.require_email_verification);
    assert!(all_set.require_2fa_for_admins && !all_set.require_2fa_for_sensitive_ops);
    assert!(all_set.require_2fa_for_users && all_set.reauthentication_seconds == 0);
    // One at a time, so that no two are exchanged.
    for row in rows {
        assert_ne!(
            Settings::from_rows([row]).unwrap(),
            Settings::from_rows([]).unwrap(),
            "{}",
            row.0
        );
    }
    for switch in ["uppercase", "lowercase", "number", "special"] {
        let name = format!("password_require_{switch}");
        let policy = Settings::from_rows([(name.as_str(), "false")])
            .unwrap()
            .password_policy;
        let open = [
            policy.require_uppercase,
            policy.require_lowercase,
            policy.require_number,
            policy.require_special,
        ];
        let index = ["uppercase", "lowercase", "number", "special"]
            .iter()
            .position(|known| *known == switch)
            .unwrap();
        assert_eq!(open, std::array::from_fn(|at| at != index), "{name}");
    }
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    for (name, nearest) in [
        ("jwt_secrt", "jwt_secret"),
        ("auth.jwt_secret", "jwt_secret"),
        ("JWT_SECRET", "jwt_secret"),
        ("password_minimum_length", "password_min_length"),
        ("access_token_expiration", "access_token_expiry"),
        ("jwt_expires", "jwt_expiry"),
        ("signup_enable", "signup_enabled"),
    ] {
        let text = parse(name, "x").unwrap_err().to_string();
        assert_eq!(
            text,
            format!("unknown setting `{name}`; did you mean `{nearest}`?")
        );
    }
    for strange in ["", "zzzzzzzz", "smtp"] {
        assert_eq!(
            problem(strange, "x"),
            format!("unknown setting `{strange}`")
        );
    }
    let long = "x".repeat(10_000);
    assert!(problem(&long, "x").len() < 100);
    assert!(Settings::from_rows([("jwt_secrt", SECRET)]).is_err());
}

#[test]
fn an_error_names_the_key_the_fault_and_what_is_accepted() {
    for (name, text, expected) in [
        (
            "jwt_leeway",
            "61s",
            "setting `jwt_leeway`: `61s` is too long; accepted is a duration from 0s to 1m, as in 1h30m",
        ),
        (
            "jwt_leeway",
            "-1s",
            "setting `jwt_leeway`: `-1s` is no duration: a whole number was expected before each unit; accepted is a duration from 0s to 1m, as in 1h30m",
        ),
        (
            "access_token_expiry",
            "15",
            "setting `access_token_expiry`: `15` is no duration: the unit is missing; use ms, s, m, h, d or w, as in 15m; accepted is a duration from 1m to 1d, as in 1h30m",
        ),
        (
            "access_token_expiry",
            "59s",
            "setting `access_token_expiry`: `59s` is too short; accepted is a duration from 1m to 1d, as in 1h30m",
        ),
        (
            "password_min_length",
            "7",
            "setting `password_min_length`: 7 is too small; accepted is a whole number from 8 to 128",
        ),
        (
            "password_min_length",
            "129",
            "setting `password_min_length`: 129 is too large; accepted is a whole number from 8 to 128",
        ),
        (
            "password_min_length",
            "12.5",
            "setting `password_min_length`: `12.5` is no whole number; accepted is a whole number from 8 to 128",
        ),
        (
            "signup_enabled",
            "yes",
            "setting `signup_enabled`: `yes` is neither; accepted is true or false",
        ),
        (
            "jwt_issuer",
            "",
            "setting `jwt_issuer`: it is empty; accepted is 1 to 255 characters",
        ),
        (
            "signup_enabled",
            "a\nb",
            "setting `signup_enabled`: `a\\nb` is neither; accepted is true or false",
        ),
    ] {
        assert_eq!(problem(name, text), expected);
    }
}

#[test]
fn values_outside_their_bounds_are_refused() {
    for (name, bad, good) in [
        ("password_hash_memory_kib", "7167", "7168"),
        ("password_hash_memory_kib", "1048577", "1048576"),
        ("password_hash_memory_kib", "99999999999999999999", "19456"),
        ("password_hash_iterations", "0", "1"),
        ("password_hash_iterations", "65", "64"),
        ("password_hash_parallelism", "0", "1"),
        ("password_hash_parallelism", "17", "16"),
        ("refresh_token_expiry", "367d", "366d"),
        ("access_token_expiry", "25h", "24h"),
        ("access_token_expiry", "90500ms", "90s"),
        ("jwt_leeway", "61s", "60s"),
        ("reauthentication_window", "61m", "1h"),
        ("signup_enabled", "TRUE", "true"),
        ("password_forbidden_words", "acme,abc", "acme,abcd"),
        ("jwt_audience", "a\0b", "a b"),
    ] {
        assert!(parse(name, bad).is_err(), "{name} {bad}");
        assert!(parse(name, good).is_ok(), "{name} {good}");
        assert!(Settings::from_rows([(name, good)]).is_ok(), "{name} {good}");
    }
    assert!(parse("jwt_issuer", &"é".repeat(255)).is_ok());
    assert!(parse("jwt_issuer", &"é".repeat(256)).is_err());
    let words = |count: usize| vec!["acme"; count].join(",");
    assert!(parse("password_forbidden_words", &words(1000)).is_ok());
    assert!(parse("password_forbidden_words", &words(1001)).is_err());
    // The extremes together are still a hash that can be computed.
    let extremes = [
        ("password_hash_memory_kib", "7168"),
        ("password_hash_parallelism", "16"),
        ("password_hash_iterations", "64"),
    ];
    assert!(Settings::from_rows(extremes).is_ok());
}

#[test]
fn rotation_cannot_be_switched_off_and_the_refusal_says_why() {
    assert_eq!(
        parse("refresh_token_rotation", "true").unwrap(),
        Value::Bool(true)
    );
    for text in ["false", "", "TRUE", "1"] {
        let said = problem("refresh_token_rotation", text);
        assert!(
            said.contains("is not offered")
                && said.contains("accepted is true, as a refresh token that could be used again"),
            "{said}"
        );
    }
}

#[test]
fn a_weak_or_published_secret_is_refused() {
    for name in ["jwt_secret", "jwt_secret_previous"] {
        for bad in [
            "x",
            &SECRET[..31],
            "your-super-secret-key-min-32-chars",
            &format!("{SECRET}\0"),
        ] {
            let text = problem(name, bad);
            assert!(
                text.contains(name) && text.contains("at least 32 characters"),
                "{text}"
            );
            assert!(
                bad.len() < 2 || !text.contains(bad),
                "a secret in an error: {text}"
            );
        }
        assert!(parse(name, SECRET).is_ok());
        assert_eq!(parse(name, ""), Ok(Value::Secret(None)));
    }
    // What the settings accept, the keyring accepts: 32 characters are never fewer than 32 bytes.
    let mut keys = Keyring::new();
    let rows = [
        ("jwt_secret", SECRET),
        ("jwt_secret_previous", "éééééééééééééééééééééééééééééééé"),
    ];
    Settings::from_rows(rows)
        .unwrap()
        .push_secrets(&mut keys)
        .unwrap();
    assert_eq!(keys.len(), 2);
}

#[test]
fn no_secret_is_shown_by_debug() {
    let settings = Settings::from_rows([("jwt_secret", SECRET)]).unwrap();
    assert!(!format!("{settings:?} {:?}", parse("jwt_secret", SECRET)).contains("0123"));
    assert!(
        all()
            .iter()
            .filter(|setting| setting.is_secret())
            .map(|setting| setting.name)
            .eq(["jwt_secret", "jwt_secret_previous", "setup_token"])
    );
}

#[test]
fn two_spellings_of_a_value_compare_as_one() {
    for (name, text, expected) in [
        (
            "access_token_expiry",
            "900s",
            ("access_token_expiry", "15m"),
        ),
        ("jwt_expiry", "15m", ("access_token_expiry", "15m")),
        ("refresh_expiry", "168h", ("refresh_token_expiry", "7d")),
        ("refresh_token_expiry", "1w", ("refresh_token_expiry", "7d")),
        ("password_min_length", "+012", ("password_min_length", "12")),
        ("jwt_leeway", "0ms", ("jwt_leeway", "0s")),
        (
            "password_forbidden_words",
            " Acme,, Rocket-Sled ,",
            ("password_forbidden_words", "acme,rocket-sled"),
        ),
    ] {
        let (name, text) = canonical(name, text).unwrap();
        assert_eq!((name, text.as_str()), expected);
    }
}

#[test]
fn a_setting_under_both_its_names_must_agree() {
    let same = [("access_token_expiry", "15m"), ("jwt_expiry", "900s")];
    assert_eq!(Settings::from_rows(same).unwrap().access_token_seconds, 900);
    for rows in [
        [("refresh_token_expiry", "7d"), ("refresh_expiry", "8d")],
        [("refresh_expiry", "8d"), ("refresh_token_expiry", "7d")],
    ] {
        assert_eq!(
            Settings::from_rows(rows).unwrap_err().to_string(),
            "setting `refresh_token_expiry` is also given as `refresh_expiry`, with another value; give it once"
        );
    }
}

#[test]
fn the_table_lists_every_setting_once() {
    let table = markdown_table();
    assert_eq!(table.lines().count(), all().len() + 2);
    for setting in all() {
        assert_eq!(
            table.matches(&format!("| `{}`", setting.name)).count(),
            1,
            "{}",
            setting.name
        );
    }
    assert!(table.contains("| `access_token_expiry` (also `jwt_expiry`) | `15m` | a duration from 1m to 1d, as in 1h30m | How long an access token is valid. |"));
    assert!(
        table.contains("| `jwt_secret` | not set | at least 32 characters, or empty for none |")
    );
    assert!(table.lines().all(|line| line.matches('|').count() == 5));
}
