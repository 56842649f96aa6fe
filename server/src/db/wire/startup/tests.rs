use super::{Account, Startup};
use crate::db::error::DbError;
use crate::db::wire::message::{Key, Login, Message, Standing};
use crate::db::wire::testing::taken_apart;
use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use std::num::NonZeroU32;

const PASSWORD: &str = "correct horse";

fn account(
    password: Option<&'static str>,
    certificate: Option<&[u8]>,
    binding_required: bool,
) -> Account<'static> {
    Account {
        user: "fluxbase_app",
        password: password.map(str::as_bytes),
        certificate: certificate.map(<[u8]>::to_vec),
        binding_required,
    }
}

fn say(startup: &mut Startup<'_>, login: Login) -> Result<Vec<u8>, DbError> {
    let mut out = BytesMut::new();
    assert!(!startup.take(Message::Login(login), &mut out)?);
    Ok(out.to_vec())
}

fn finish(startup: &mut Startup<'_>) -> Result<bool, DbError> {
    let mut out = BytesMut::new();
    startup.take(Message::Login(Login::Welcome), &mut out)?;
    let key = Key {
        process: 1,
        secret: 2,
    };
    startup.take(Message::Key(key), &mut out)?;
    assert_eq!(startup.key(), Some(key));
    startup.take(Message::Ready(Standing::Idle), &mut out)
}

fn refused(outcome: Result<impl std::fmt::Debug, DbError>) -> String {
    match outcome {
        Err(DbError::Unreachable(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

fn sign(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
        .as_ref()
        .to_vec()
}

/// The server's side of SCRAM-SHA-256 (RFC 5802), as far as a client is proven right and the server to it.
struct Verifier {
    salted: [u8; 32],
    auth_message: String,
}

/// Offers mechanisms; what the client chose and its first message.
fn offered(startup: &mut Startup<'_>, mechanisms: &[u8]) -> Result<(String, String), DbError> {
    let out = say(startup, Login::Sasl(mechanisms.to_vec()))?;
    let messages = taken_apart(&out);
    assert_eq!((messages.len(), messages[0].0), (1, 'p'));
    let (mechanism, rest) = messages[0]
        .1
        .split_at(messages[0].1.iter().position(|byte| *byte == 0).unwrap());
    Ok((
        String::from_utf8(mechanism.to_vec()).unwrap(),
        String::from_utf8(rest[5..].to_vec()).unwrap(),
    ))
}

/// Asks for `rounds`; the client's final message as it was, and what judges it.
fn questioned(
    startup: &mut Startup<'_>,
    first: &str,
    rounds: u32,
) -> Result<(String, Verifier), DbError> {
    let (_, bare) = first.split_once(",,").unwrap();
    let nonce = bare.split("r=").nth(1).unwrap();
    let salt = STANDARD.encode(b"salty");
    let question = format!("r={nonce}server,s={salt},i={rounds}");
    let out = say(startup, Login::SaslNext(question.clone().into_bytes()))?;
    let last = String::from_utf8(taken_apart(&out)[0].1.clone()).unwrap();
    let mut salted = [0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        NonZeroU32::new(rounds).unwrap(),
        b"salty",
        PASSWORD.as_bytes(),
        &mut salted,
    );
    let (without_proof, _) = last.rsplit_once(",p=").unwrap();
    let auth_message = format!("{bare},{question},{without_proof}");
    Ok((
        last,
        Verifier {
            salted,
            auth_message,
        },
    ))
}

impl Verifier {
    fn holds(&self, last: &str) -> bool {
        let (_, proof) = last.rsplit_once(",p=").unwrap();
        let client_key = sign(&self.salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, &client_key);
        let signature = sign(stored.as_ref(), self.auth_message.as_bytes());
        let proof = STANDARD.decode(proof).unwrap();
        proof
            .iter()
            .zip(&signature)
            .map(|(a, b)| a ^ b)
            .eq(client_key)
    }

    fn word(&self) -> Vec<u8> {
        let server_key = sign(&self.salted, b"Server Key");
        let signature = sign(&server_key, self.auth_message.as_bytes());
        format!("v={}", STANDARD.encode(signature)).into_bytes()
    }
}

#[test]
fn trust_and_peer_ask_for_nothing() {
    assert!(finish(&mut Startup::new(account(None, None, false))).unwrap());
}

#[test]
fn a_password_is_hashed_with_the_salt() {
    let mut startup = Startup::new(account(Some("secret"), None, false));
    let out = say(&mut startup, Login::Md5(*b"salt")).unwrap();
    // md5(md5("secret" + user) + "salt")
    assert_eq!(
        taken_apart(&out),
        [('p', b"md5358336c2b9dded618ccb6574613c2131\0".to_vec())]
    );
    assert!(finish(&mut startup).unwrap());
}

#[test]
fn scram_proves_both_sides() {
    let mut startup = Startup::new(account(Some(PASSWORD), None, false));
    let (mechanism, first) =
        offered(&mut startup, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0").unwrap();
    assert_eq!(mechanism, "SCRAM-SHA-256");
    assert!(first.starts_with("n,,"), "{first}");
    let (last, verifier) = questioned(&mut startup, &first, 4096).unwrap();
    assert!(verifier.holds(&last));
    say(&mut startup, Login::SaslLast(verifier.word())).unwrap();
    assert!(finish(&mut startup).unwrap());
}

#[test]
fn scram_is_bound_to_the_certificate_where_there_is_one() {
    let mut startup = Startup::new(account(Some(PASSWORD), Some(b"hash of it"), true));
    let (mechanism, first) =
        offered(&mut startup, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0").unwrap();
    assert_eq!(mechanism, "SCRAM-SHA-256-PLUS");
    let (last, verifier) = questioned(&mut startup, &first, 4096).unwrap();
    let bound = STANDARD.encode([&b"p=tls-server-end-point,,"[..], b"hash of it"].concat());
    assert!(last.starts_with(&format!("c={bound},")), "{last}");
    assert!(verifier.holds(&last));
    say(&mut startup, Login::SaslLast(verifier.word())).unwrap();
    assert!(finish(&mut startup).unwrap());
}

/// 1. Somebody stands between server and PostgreSQL, with a certificate of their own.
/// 2. They strike the mechanism that would prove the certificate out of the offer.
#[test]
fn striking_out_channel_binding_is_found_or_refused() {
    let mut startup = Startup::new(account(Some(PASSWORD), Some(b"hash"), true));
    refused(offered(&mut startup, b"SCRAM-SHA-256\0\0"));
    // Where it is not required, PostgreSQL is told that it could have been, and refuses.
    let mut startup = Startup::new(account(Some(PASSWORD), Some(b"hash"), false));
    let (_, first) = offered(&mut startup, b"SCRAM-SHA-256\0\0").unwrap();
    assert!(first.starts_with("y,,"), "{first}");
    for weak in [Login::Plain, Login::Md5(*b"salt")] {
        let mut startup = Startup::new(account(Some(PASSWORD), Some(b"hash"), true));
        refused(say(&mut startup, weak));
    }
    let mut startup = Startup::new(account(Some(PASSWORD), Some(b"hash"), true));
    refused(finish(&mut startup));
}

/// 1. A server that is not ours takes whatever proof comes.
/// 2. It cannot prove that it knows the password, so it leaves that out, or says something else.
#[test]
fn a_server_that_cannot_prove_itself_gets_no_session() {
    let mut startup = Startup::new(account(Some(PASSWORD), None, false));
    let (_, first) = offered(&mut startup, b"SCRAM-SHA-256\0\0").unwrap();
    questioned(&mut startup, &first, 4096).unwrap();
    refused(finish(&mut startup));

    let mut startup = Startup::new(account(Some(PASSWORD), None, false));
    let (_, first) = offered(&mut startup, b"SCRAM-SHA-256\0\0").unwrap();
    questioned(&mut startup, &first, 4096).unwrap();
    let forged = format!("v={}", STANDARD.encode([0; 32])).into_bytes();
    refused(say(&mut startup, Login::SaslLast(forged)));
}

/// The number of rounds is the server's choice: four billion would keep a thread busy for minutes.
#[test]
fn a_server_cannot_make_us_hash_for_ever() {
    for question in [
        "r=x,s=c2FsdA==,i=4294967295",
        "r=x,s=c2FsdA==,i=1000001",
        "r=x,s=c2FsdA==",
        "i=-1",
        "",
    ] {
        let mut startup = Startup::new(account(Some(PASSWORD), None, false));
        offered(&mut startup, b"SCRAM-SHA-256\0\0").unwrap();
        refused(say(
            &mut startup,
            Login::SaslNext(question.as_bytes().to_vec()),
        ));
    }
}

#[test]
fn without_a_password_none_is_sent_and_no_other_way_is_gone() {
    for login in [
        Login::Plain,
        Login::Md5(*b"salt"),
        Login::Sasl(b"SCRAM-SHA-256\0\0".to_vec()),
    ] {
        refused(say(&mut Startup::new(account(None, None, false)), login));
    }
    for login in [
        Login::Other(7),
        Login::Sasl(b"OAUTHBEARER\0\0".to_vec()),
        Login::Sasl(Vec::new()),
        Login::SaslNext(b"r=x,s=c2FsdA==,i=4096".to_vec()),
        Login::SaslLast(Vec::new()),
    ] {
        refused(say(
            &mut Startup::new(account(Some(PASSWORD), None, false)),
            login,
        ));
    }
}

#[test]
fn messages_out_of_turn_end_the_login() {
    let key = Message::Key(Key {
        process: 1,
        secret: 2,
    });
    for message in [
        key,
        Message::Ready(Standing::Idle),
        Message::Bound,
        Message::Completed,
    ] {
        let mut startup = Startup::new(account(None, None, false));
        let outcome = startup.take(message, &mut BytesMut::new());
        assert!(matches!(outcome, Err(DbError::Protocol(_))));
    }
    // After the welcome, no more proofs.
    let mut startup = Startup::new(account(Some("secret"), None, false));
    let mut out = BytesMut::new();
    startup
        .take(Message::Login(Login::Welcome), &mut out)
        .unwrap();
    assert!(
        startup
            .take(Message::Login(Login::Plain), &mut out)
            .is_err()
    );
    assert!(out.is_empty());
}
