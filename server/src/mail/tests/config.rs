use super::{Scratch, load};
use crate::config::{Config, Environment, Security, Transport};
use crate::mail::Mailer;
use crate::mail::order::Kind;

const SMTP: &str = "database_url: 'postgres://m:pw@h/d', transport: smtp, from_address: a@b.example, smtp_host: mail.example.com";

fn refused(yaml: &str) -> String {
    match load(yaml) {
        Ok(_) => panic!("{yaml} was accepted"),
        Err(message) => message,
    }
}

fn smtp(more: &str) -> crate::config::Smtp {
    match load(&format!("email: {{{SMTP}{more}}}"))
        .unwrap()
        .email
        .transport
    {
        Transport::Smtp(smtp) => smtp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_sent_unless_somebody_says_how() {
    let config = load("database: {url: 'postgres://a@h/d'}").unwrap();
    assert!(matches!(config.email.transport, Transport::None));
    assert!(Mailer::new(&config).unwrap().is_none());
}

#[test]
fn a_transport_needs_what_it_works_with() {
    for (yaml, option) in [
        ("email: {transport: pigeon}", "email.transport"),
        (
            "email: {transport: file, directory: /tmp}",
            "email.database_url",
        ),
        ("email: {transport: file}", "email.directory"),
        (
            "email: {transport: smtp, smtp_host: h}",
            "email.from_address",
        ),
        (
            "email: {transport: smtp, from_address: a@b.example}",
            "email.smtp_host",
        ),
        (
            "email: {transport: smtp, from_address: a@b.example, smtp_host: 'h:25'}",
            "email.smtp_host",
        ),
        (
            "email: {transport: smtp, from_address: a@b.example, smtp_host: 'smtp://h'}",
            "email.smtp_host",
        ),
    ] {
        let message = refused(yaml);
        assert!(message.starts_with(&format!("{option} ")), "{message}");
    }
    for host in [
        "mail.example.com",
        "localhost",
        "127.0.0.1",
        "'::1'",
        "'[::1]'",
    ] {
        let yaml = format!(
            "email: {{database_url: 'postgres://m:pw@h/d', transport: smtp, from_address: a@b.c, smtp_host: {host}}}"
        );
        load(&yaml).unwrap();
    }
}

#[test]
fn what_becomes_a_header_is_one_line_and_one_address() {
    for (option, value) in [
        ("from_address", "a@b.example, c@d.example"),
        ("from_address", "A <a@b.example>"),
        ("from_address", "nobody"),
        ("from_address", r"a@b.example\r\nBcc: c@d.example"),
        ("from_address", r"a@b.example\n"),
        ("reply_to", "a@b.example c@d.example"),
        ("reply_to", r"a@b.example\r\nX: y"),
        ("from_name", r"A\r\nBcc: c@d.example"),
        ("from_name", r"A\nB"),
    ] {
        let message = refused(&format!("email: {{{option}: \"{value}\"}}"));
        assert!(
            message.starts_with(&format!("email.{option} ")),
            "{message}"
        );
    }
}

#[test]
fn a_password_goes_nowhere_in_plain_text_and_never_alone() {
    let login = ", smtp_username: u, smtp_password: 'hunter2hunter2'";
    assert!(smtp(login).credentials.is_some());
    assert_eq!(smtp(login).security, Security::StartTls);
    assert_eq!(smtp(", smtp_security: tls").security, Security::Tls);
    let message = refused(&format!("email: {{{SMTP}{login}, smtp_security: none}}"));
    assert!(message.starts_with("email.smtp_security "), "{message}");
    let here = SMTP.replace("mail.example.com", "127.0.0.1");
    load(&format!("email: {{{here}{login}, smtp_security: none}}")).unwrap();
    for half in [", smtp_username: u", ", smtp_password: 'hunter2hunter2'"] {
        let message = refused(&format!("email: {{{SMTP}{half}}}"));
        assert!(!message.contains("hunter2"), "{message}");
    }
    let config = load(&format!("email: {{{SMTP}{login}}}")).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
}

#[test]
fn the_password_has_a_short_name_and_may_stand_in_a_file() {
    let scratch = Scratch::new("password");
    scratch.write("secret", "from a file\n");
    let file = scratch.path().join("secret");
    let yaml = format!("email: {{{SMTP}, smtp_username: u}}");
    for variable in [
        ("SMTP_PASSWORD", "given"),
        ("SMTP_PASSWORD_FILE", file.to_str().unwrap()),
        ("FLUXBASE_EMAIL_SMTP_PASSWORD_FILE", file.to_str().unwrap()),
    ] {
        let config = Config::from_text(&yaml, &Environment::from([variable]), Vec::new()).unwrap();
        let Transport::Smtp(smtp) = config.email.transport else {
            panic!("another transport");
        };
        assert!(smtp.credentials.is_some(), "{}", variable.0);
    }
}

#[test]
fn the_mailer_logs_in_as_itself() {
    assert!(
        load("database: {url: 'postgres://fluxbase_app:pw@h/d'}")
            .unwrap()
            .email
            .login
            .is_none()
    );
    let user = |yaml: &str| {
        let login = load(yaml).unwrap().email.login.unwrap().config;
        let password = login.get_password().map(<[u8]>::to_vec);
        (login.get_user().unwrap().to_owned(), password)
    };
    let given = user(
        "database: {url: 'postgres://a:pw@h/d'}\nemail: {transport: file, directory: /tmp, database_url: 'postgres://m:other@h/d'}",
    );
    assert_eq!(given, ("m".into(), Some(b"other".to_vec())));
    let message = refused(
        "email: {transport: file, directory: /tmp, database_url: 'postgres://m:hunter2@h/d?sslmode=always'}",
    );
    assert!(message.starts_with("email.database_url "), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn links_begin_where_the_server_listens_or_where_they_are_told_to() {
    let base = |yaml: &str| load(yaml).unwrap().email.base_url.to_string();
    for (yaml, wanted) in [
        ("", "http://127.0.0.1:8080/"),
        ("server: {address: ':9000'}", "http://127.0.0.1:9000/"),
        ("server: {address: '[::]:9000'}", "http://[::1]:9000/"),
        ("server: {port: 81}", "http://127.0.0.1:81/"),
        (
            "server: {public_base_url: 'https://app.example.com/x'}",
            "https://app.example.com/x",
        ),
    ] {
        assert_eq!(base(yaml), wanted);
    }
    for wrong in [
        "app.example.com",
        "ftp://app.example.com",
        "https://app.example.com/?a=b",
        "https://app.example.com/#a",
        "https://u:p@app.example.com",
        "javascript:alert(1)",
    ] {
        let message = refused(&format!("server: {{public_base_url: '{wrong}'}}"));
        assert!(message.starts_with("server.public_base_url "), "{message}");
    }
}

#[test]
fn mistakes_in_templates_and_certificates_stop_the_start() {
    let scratch = Scratch::new("start");
    scratch.write("magic_link.txt", "{{lnik}}");
    scratch.write("empty.pem", "no certificate in here\n");
    let directory = scratch.path().display();
    let database = "database: {url: 'postgres://a@h/d'}";
    for (section, said) in [
        (
            format!(
                "database_url: 'postgres://m:pw@h/d', transport: file, directory: '{directory}/out', template_directory: '{directory}'"
            ),
            "unknown placeholder {{lnik}}",
        ),
        (
            format!("{SMTP}, smtp_ca_file: '{directory}/none.pem'"),
            "none.pem",
        ),
        (
            format!("{SMTP}, smtp_ca_file: '{directory}/empty.pem'"),
            "there is no certificate in the file",
        ),
    ] {
        let config = load(&format!("{database}\nemail: {{{section}}}")).unwrap();
        let error = Mailer::new(&config).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
}

/// Whoever writes own texts takes the names from there.
#[test]
fn the_documented_example_names_every_kind_of_mail_and_no_other() {
    let example = include_str!("../../../fluxbase.yaml");
    let list = example.split("KIND is").nth(1).unwrap();
    let list = list.split("template_directory").next().unwrap();
    let mut named: Vec<&str> = list
        .split(|letter: char| !letter.is_ascii_lowercase() && letter != '_')
        .filter(|word| !word.is_empty() && *word != "or")
        .collect();
    let mut kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    named.sort_unstable();
    kinds.sort_unstable();
    assert_eq!(named, kinds);
}
