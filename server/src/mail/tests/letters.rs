use super::{Scratch, order, writer, written};
use crate::mail::letter::Refusal;
use crate::mail::order::{Kind, Order};
use crate::mail::template::Placeholder;

const SENDER: &str = "email: {from_address: 'no-reply@app.example.com', from_name: 'Zoë, \"the\" app', reply_to: 'help@app.example.com'}";

/// The lines of the header, folded ones joined.
fn headers(message: &str) -> Vec<String> {
    let (header, _) = message.split_once("\r\n\r\n").unwrap();
    header
        .replace("\r\n ", " ")
        .lines()
        .map(str::to_owned)
        .collect()
}

fn addressed(to: &str) -> Order {
    Order {
        to: to.into(),
        ..order(Kind::MagicLink)
    }
}

#[test]
fn a_letter_has_the_headers_of_an_automatic_mail() {
    let message = written(&writer(SENDER, None), &order(Kind::MagicLink)).unwrap();
    let headers = headers(&message);
    for wanted in [
        "To: ann@example.com",
        "Subject: Your link to sign in",
        "Date: Tue, 24 Nov 2026 10:55:00 +0000",
        "Auto-Submitted: auto-generated",
        "Reply-To: help@app.example.com",
        "Message-ID: <7f1c1a52-4c4e-4d0b-9a43-0d6f4c6f6f01.1@app.example.com>",
    ] {
        assert!(
            headers.iter().any(|line| line == wanted),
            "{wanted}: {headers:?}"
        );
    }
    let from = headers
        .iter()
        .find(|line| line.starts_with("From: "))
        .unwrap();
    assert!(from.ends_with("<no-reply@app.example.com>"), "{from}");
    assert!(message.contains("multipart/alternative"));
    let (plain, html) = (message.find("text/plain"), message.find("text/html"));
    assert!(plain.unwrap() < html.unwrap());
}

#[test]
fn no_address_can_add_a_header_or_a_recipient() {
    let writer = writer(SENDER, None);
    for to in [
        "",
        "ann",
        "ann@example.com\r\nBcc: eve@example.com",
        "ann@example.com\nBcc: eve@example.com",
        "ann@example.com, eve@example.com",
        "ann@example.com,eve@example.com",
        "Ann <ann@example.com>",
        "\"ann\r\nBcc: eve\"@example.com",
        "ann@exam\0ple.com",
        " ann@example.com",
        "ann@example.com ",
    ] {
        assert_eq!(
            written(&writer, &addressed(to)).err(),
            Some(Refusal::Recipient),
            "{to:?}"
        );
    }
    for to in [
        "ann+b@example.com",
        "o'neil@example.com",
        "ann@bücher.example",
    ] {
        let message = written(&writer, &addressed(to)).unwrap();
        let recipients = headers(&message)
            .iter()
            .filter(|line| {
                ["To:", "Cc:", "Bcc:"]
                    .iter()
                    .any(|name| line.starts_with(name))
            })
            .count();
        assert_eq!(recipients, 1, "{to}");
    }
}

#[test]
fn the_envelope_names_the_recipient_alone() {
    let letter = writer(SENDER, None)
        .write(&order(Kind::PasswordReset), super::NOW)
        .ok()
        .unwrap();
    let envelope = letter.message.envelope();
    let to: Vec<String> = envelope.to().iter().map(ToString::to_string).collect();
    assert_eq!(to, ["ann@example.com"]);
    assert_eq!(
        envelope.from().unwrap().to_string(),
        "no-reply@app.example.com"
    );
}

#[test]
fn a_value_in_a_subject_cannot_become_a_header() {
    let scratch = Scratch::new("subjects");
    scratch.write("email_otp.subject", "{{code}} is your code");
    let writer = writer(SENDER, Some(scratch.path()));
    let message = written(&writer, &order(Kind::EmailOtp)).unwrap();
    assert!(headers(&message).contains(&"Subject: 123456 is your code".to_owned()));
    let hostile = Order {
        code: Some("1\r\nBcc: eve@example.com".into()),
        ..order(Kind::EmailOtp)
    };
    assert_eq!(written(&writer, &hostile).err(), Some(Refusal::Message));
}

#[test]
fn half_a_letter_is_none() {
    let writer = writer(SENDER, None);
    let without_token = Order {
        token: None,
        ..order(Kind::PasswordReset)
    };
    let refusal = written(&writer, &without_token).unwrap_err();
    assert_eq!(refusal, Refusal::Missing(Placeholder::Link));
    assert!(refusal.to_string().contains("{{link}}"), "{refusal}");
    let astray = Order {
        redirect_to: Some("javascript:alert(1)".into()),
        ..order(Kind::PasswordReset)
    };
    assert_eq!(written(&writer, &astray).err(), Some(Refusal::Redirect));
}

#[test]
fn a_notice_needs_no_token_and_has_no_key() {
    let notice = Order {
        token: None,
        minutes: None,
        ..order(Kind::NoticePasswordChanged)
    };
    let letter = writer(SENDER, None)
        .write(&notice, super::NOW)
        .ok()
        .unwrap();
    assert_eq!(letter.key, None);
}
