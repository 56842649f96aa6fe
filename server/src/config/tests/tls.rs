use super::{accepted, refused};
use crate::config::{Roots, SslMode, Tls};
use std::path::PathBuf;
use tokio_postgres::config::{ChannelBinding, SslMode as Drivers};

fn tls(yaml: &str) -> Tls {
    accepted(&format!("database: {{{yaml}}}"))
        .database
        .login()
        .unwrap()
        .tls
        .clone()
}

/// Of a URL with these parameters, and settings beside it.
fn both(parameters: &str, settings: &str) -> String {
    format!("url: 'postgres://a:b@h/d{parameters}'{settings}")
}

/// What is wrong with it, and which option is.
fn wrong(yaml: &str) -> (String, String) {
    let message = refused(&format!("database: {{{yaml}}}"));
    let name = message.split(' ').next().unwrap().to_owned();
    (name, message)
}

#[test]
fn without_a_word_tls_is_used_where_it_is_offered() {
    let tls = tls(&both("", ""));
    assert_eq!(tls.mode, SslMode::Prefer);
    assert_eq!(tls.roots, Roots::Unchecked);
    assert_eq!(tls.identity, None);
    assert_eq!(tls.binding, ChannelBinding::Prefer);
}

#[test]
fn a_mode_means_the_same_in_the_url_and_beside_it() {
    for (name, mode, more) in [
        ("disable", SslMode::Disable, ""),
        ("prefer", SslMode::Prefer, ""),
        ("require", SslMode::Require, ""),
        ("verify-ca", SslMode::VerifyCa, ", ssl_root_cert: /ca"),
        ("verify-full", SslMode::VerifyFull, ", ssl_root_cert: /ca"),
    ] {
        assert_eq!(
            tls(&both("", &format!(", ssl_mode: {name}{more}"))).mode,
            mode
        );
        assert_eq!(tls(&both(&format!("?sslmode={name}"), more)).mode, mode);
        assert_eq!(mode.to_string(), name);
    }
}

#[test]
fn a_mode_that_is_none_is_refused_by_name() {
    for mode in ["allow", "", "Require", "verify", "on"] {
        let (name, message) = wrong(&both("", &format!(", ssl_mode: '{mode}'")));
        assert_eq!(name, "database.ssl_mode", "{message}");
        let (name, message) = wrong(&both(&format!("?sslmode={mode}"), ""));
        assert_eq!(name, "database.url", "{message}");
        assert!(message.contains("sslmode: "), "{message}");
    }
    let (_, message) = wrong(&both("?sslmode=allow", ""));
    assert!(message.contains("protects nobody"), "{message}");
}

#[test]
fn a_url_that_contradicts_a_setting_is_refused_and_one_that_repeats_it_is_not() {
    for (parameter, setting, one, other) in [
        ("sslmode", "ssl_mode", "require", "prefer"),
        ("channel_binding", "channel_binding", "prefer", "disable"),
    ] {
        let (name, message) = wrong(&both(
            &format!("?{parameter}={one}"),
            &format!(", {setting}: {other}"),
        ));
        assert_eq!(name, "database.url", "{message}");
        assert!(
            message.contains(&format!("{parameter} is not what database.{setting} says")),
            "{message}"
        );
        tls(&both(
            &format!("?{parameter}={one}"),
            &format!(", {setting}: {one}"),
        ));
    }
    let files = "?sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k";
    let given = ", ssl_root_cert: /ca, ssl_cert: /c, ssl_key: /k";
    assert_eq!(tls(&both(files, given)), tls(&both(files, "")));
    for setting in ["ssl_root_cert", "ssl_cert", "ssl_key"] {
        let (name, message) = wrong(&both(files, &format!(", {setting}: /other")));
        assert_eq!(name, "database.url", "{message}");
        assert!(message.contains(setting), "{message}");
    }
    let (_, message) = wrong(&both("?sslmode=require&sslmode=disable", ""));
    assert!(message.contains("twice"), "{message}");
}

/// What a provider hands out is taken as it is; a path may hold what a URL encodes, and a password a question mark.
#[test]
fn a_url_says_all_of_it() {
    let login = accepted(
        "database: {url: 'postgres://a:b?sslmode=disable@h,i:2/d?application_name=x&sslmode=verify-ca&sslrootcert=%2Fa%20b%3F.crt&sslcert=/c&sslkey=/k&channel_binding=require&connect_timeout=3'}",
    );
    let login = login.database.login().unwrap();
    assert_eq!(
        login.tls,
        Tls {
            mode: SslMode::VerifyCa,
            roots: Roots::File(PathBuf::from("/a b?.crt")),
            identity: Some(("/c".into(), "/k".into())),
            binding: ChannelBinding::Require,
        }
    );
    let config = &login.config;
    assert_eq!(config.get_password(), Some(b"b?sslmode=disable".as_slice()));
    assert_eq!(config.get_application_name(), Some("x"));
    assert_eq!(config.get_dbname(), Some("d"));
    assert!(config.get_connect_timeout().is_some());
    // The driver is handed what is encrypted already, and does the binding.
    assert_eq!(config.get_ssl_mode(), Drivers::Disable);
    assert_eq!(config.get_channel_binding(), ChannelBinding::Require);
}

#[test]
fn a_parameter_that_nobody_looks_at_is_refused() {
    for parameter in [
        "sslcrl=/x",
        "sslpassword=x",
        "sslnegotiation=direct",
        "gssencmode=require",
    ] {
        let (name, message) = wrong(&both(&format!("?{parameter}"), ""));
        assert_eq!(name, "database.url", "{message}");
    }
    tls(&both("?sslnegotiation=postgres", ""));
}

#[test]
fn who_is_to_be_trusted_is_said_exactly_where_it_is_checked() {
    for mode in ["verify-ca", "verify-full"] {
        let (name, message) = wrong(&both("", &format!(", ssl_mode: {mode}")));
        assert_eq!(name, "database.ssl_root_cert", "{message}");
    }
    for mode in ["disable", "prefer", "require"] {
        let (name, message) = wrong(&both(
            "",
            &format!(", ssl_mode: {mode}, ssl_root_cert: /ca"),
        ));
        assert_eq!(name, "database.ssl_root_cert", "{message}");
        tls(&both("", &format!(", ssl_mode: {mode}")));
    }
    // Anybody has a certificate of one of those authorities.
    let system = |mode: &str| both("", &format!(", ssl_mode: {mode}, ssl_root_cert: system"));
    let (name, message) = wrong(&system("verify-ca"));
    assert_eq!(name, "database.ssl_root_cert", "{message}");
    assert_eq!(tls(&system("verify-full")).roots, Roots::System);
}

#[test]
fn a_certificate_without_its_key_or_without_tls_is_refused() {
    for (settings, wanted) in [
        (", ssl_cert: /c", "database.ssl_key"),
        (", ssl_key: /k", "database.ssl_cert"),
        (
            ", ssl_mode: disable, ssl_cert: /c, ssl_key: /k",
            "database.ssl_cert",
        ),
    ] {
        let (name, message) = wrong(&both("", settings));
        assert_eq!(name, wanted, "{message}");
    }
    let tls = tls(&both("", ", ssl_cert: /c, ssl_key: /k"));
    assert_eq!(tls.identity, Some(("/c".into(), "/k".into())));
}

#[test]
fn channel_binding_is_not_required_where_there_is_nothing_to_bind_to() {
    for yaml in [
        both("", ", ssl_mode: disable, channel_binding: require"),
        "url: 'postgres://a@%2Frun%2Fpostgresql/d', channel_binding: require".into(),
        "url: 'postgres://a@%2Frun%2Fpostgresql,h/d?channel_binding=require'".into(),
    ] {
        let (name, message) = wrong(&yaml);
        assert_eq!(name, "database.channel_binding", "{message}");
    }
    let (name, _) = wrong(&both("", ", channel_binding: always"));
    assert_eq!(name, "database.channel_binding");
    for binding in ["disable", "prefer", "require"] {
        tls(&both("", &format!(", channel_binding: {binding}")));
    }
}

/// As in libpq: it leaves no machine, so whatever the mode, nothing is encrypted there.
#[test]
fn a_unix_socket_takes_any_mode() {
    for mode in ["disable", "prefer", "require"] {
        tls(&format!(
            "url: 'postgres://a@%2Frun%2Fpostgresql/d', ssl_mode: {mode}"
        ));
    }
    tls("url: 'postgres://a@%2Frun%2Fpostgresql/d', ssl_mode: verify-full, ssl_root_cert: system");
}

#[test]
fn every_url_has_its_own_and_the_settings_are_for_all() {
    let config = accepted(
        "database: {url: 'postgres://a@h/d?sslmode=disable', admin_url: 'postgres://b@h/d?sslmode=require'}\nemail: {database_url: 'postgres://m@h/d'}",
    );
    assert_eq!(config.database.login().unwrap().tls.mode, SslMode::Disable);
    assert_eq!(config.database.admin().unwrap().tls.mode, SslMode::Require);
    assert_eq!(config.email.login.unwrap().tls.mode, SslMode::Prefer);
    let config = accepted(
        "database: {admin_url: 'postgres://b@h/d', ssl_mode: require}\nemail: {database_url: 'postgres://m@h/d'}",
    );
    assert_eq!(config.database.admin().unwrap().tls.mode, SslMode::Require);
    assert_eq!(config.email.login.unwrap().tls.mode, SslMode::Require);
    let message = refused(
        "database: {ssl_mode: require}\nemail: {database_url: 'postgres://m:hunter2@h/d?sslmode=disable'}",
    );
    assert!(message.starts_with("email.database_url "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}
