use super::{NOW, load, order, writer};
use crate::mail::order::Kind;
use crate::mail::post::Post;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

const SENDER: &str = "email: {from_address: 'no-reply@app.example'}";

/// A mail server that says this to RCPT; its port.
async fn server(to_recipient: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 mail.test\r\n").await.unwrap();
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let answer = match line.get(..4) {
                Some("RCPT") => to_recipient,
                Some("QUIT") => return,
                _ => "250 yes",
            };
            let answer = format!("{answer}\r\n");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            line.clear();
        }
    });
    port
}

/// Why a mail did not get through this port.
async fn reason(port: u16, security: &str) -> String {
    let yaml = format!(
        "email: {{database_url: 'postgres://m:pw@h/d', transport: smtp, from_address: a@b.example, smtp_host: 127.0.0.1, smtp_port: {port}, smtp_security: {security}}}"
    );
    let email = load(&yaml).unwrap().email;
    let post = Post::open(&email.transport, "app.example")
        .unwrap()
        .unwrap();
    let order = order(Kind::MagicLink);
    let letter = writer(SENDER, None).write(&order, NOW).ok().unwrap();
    post.deliver(&order, letter, NOW)
        .await
        .unwrap_err()
        .to_string()
}

#[actix_web::test]
async fn a_refusal_is_told_without_what_the_server_said() {
    for (answer, said) in [
        (
            "550 5.1.1 <ann@example.com> to+ken is unknown here",
            "the mail server refused with 550",
        ),
        (
            "451 4.7.1 ann@example.com: later",
            "the mail server refused with 451",
        ),
        (
            "ann@example.com what?",
            "the mail server answered what is no SMTP",
        ),
    ] {
        assert_eq!(reason(server(answer).await, "none").await, said);
    }
}

#[actix_web::test]
async fn no_mail_goes_to_a_server_that_does_not_encrypt_when_it_should() {
    let port = server("250 yes").await;
    let reason = reason(port, "starttls").await;
    assert_eq!(reason, "STARTTLS is not supported on this server");
}

#[actix_web::test]
async fn a_server_that_is_away_is_told_in_the_words_of_the_system() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let reason = reason(port, "none").await;
    assert!(
        reason.starts_with("no connection to the mail server: "),
        "{reason}"
    );
    assert!(reason.contains("refused"), "{reason}");
}
