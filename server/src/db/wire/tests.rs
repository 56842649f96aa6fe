//! Servers that are broken or hostile: a worker thread neither hangs nor crashes, and the next one is served.

use super::Wire;
use super::testing::{caller, first_answer, greeting, message, row, statement};
use crate::config::{Config, Environment};
use crate::db::error::DbError;
use crate::db::pool::Options;
use crate::db::transaction::Work;
use bytes::Bytes;
use fluxbase_compiler::plan::Access;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a server does with a connection after its startup message; the number counts connections from 0.
type Script = fn(usize, TcpStream);

fn server(script: Script) -> (Wire, Arc<AtomicUsize>) {
    server_of(2, script)
}

/// A server on a port of its own, and what connects to it; how often it was asked to cancel.
fn server_of(connections: usize, script: Script) -> (Wire, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cancels = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&cancels);
    std::thread::spawn(move || {
        let mut number = 0;
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let Some(startup) = startup(&mut stream) else {
                continue;
            };
            if startup.starts_with(&80_877_102_u32.to_be_bytes()) {
                counted.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            std::thread::spawn(move || script(number, stream));
            number += 1;
        }
    });
    let url = format!("postgres://fluxbase_app@127.0.0.1:{port}/d?sslmode=disable");
    let environment = Environment::from([("FLUXBASE_DATABASE_URL", url.as_str())]);
    let config = Config::from_text("", &environment, Vec::new()).unwrap();
    let mut options = Options::new(&config.database, &config.api, &config.server).unwrap();
    options.statement_timeout = Duration::from_millis(100);
    options.pool_timeout = Duration::from_millis(500);
    (Wire::new(Arc::new(options), connections), cancels)
}

fn startup(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut rest = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    stream.read_exact(&mut rest).ok()?;
    Some(rest)
}

/// Reads until a Sync.
fn batch(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut byte = [0; 4096];
    while !seen.ends_with(b"S\0\0\0\x04") {
        match stream.read(&mut byte) {
            Ok(0) | Err(_) => return,
            Ok(count) => seen.extend_from_slice(&byte[..count]),
        }
    }
}

/// Greets, reads a batch and says this; then waits to be left.
fn says(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(&greeting());
    batch(&mut stream);
    let _ = stream.write_all(bytes);
    let _ = stream.read_to_end(&mut Vec::new());
}

async fn ask(wire: &Wire) -> Result<Bytes, DbError> {
    let caller = caller(Some('a'));
    let statement = statement("select 1", Access::ReadOnly, &[]);
    let work = Work {
        first: None,
        caller: &caller,
        statement: &statement,
        scope: "read:tables",
    };
    let answer = wire.run(&work).await?;
    Ok(answer.bytes(0)?.unwrap())
}

/// The first connection does what it does; all later ones answer as they should.
async fn recovers(wire: &Wire) {
    let began = Instant::now();
    loop {
        match ask(wire).await {
            Ok(body) => return assert_eq!(body, "fine"),
            Err(error) => assert!(began.elapsed() < Duration::from_secs(2), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn then_fine(number: usize, stream: TcpStream, bytes: &[u8]) {
    match number {
        0 => says(stream, bytes),
        _ => says(stream, &first_answer(b"fine")),
    }
}

#[actix_web::test]
async fn a_server_that_speaks_the_protocol_is_understood() {
    let (wire, _) = server(|_, stream| says(stream, &first_answer(b"fine")));
    assert_eq!(ask(&wire).await.unwrap(), "fine");
}

#[actix_web::test]
async fn garbage_at_login_is_no_session_and_everybody_is_told_at_once() {
    let (wire, _) = server(|_, mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    for _ in 0..20 {
        let began = Instant::now();
        let error = ask(&wire).await.unwrap_err();
        assert!(matches!(error, DbError::Unreachable(_)), "{error}");
        assert!(began.elapsed() < Duration::from_millis(500));
    }
}

#[actix_web::test]
async fn a_login_that_never_ends_is_given_up() {
    let (wire, _) = server(|_, mut stream| {
        let _ = stream.write_all(&message(b'R', b"\0\0\0\0"));
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let began = Instant::now();
    let error = ask(&wire).await.unwrap_err();
    assert!(
        matches!(error, DbError::PoolExhausted | DbError::Unreachable(_)),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[actix_web::test]
async fn garbage_instead_of_an_answer_costs_the_connection_and_no_more() {
    for garbage in [
        &b"D\0\0\0\x01"[..],
        b"????????????",
        b"Z\0\0\0\x05?",
        b"T\0\0\0\x06\0\0",
    ] {
        // A plain function has no room for what is in the loop.
        let script: Script = match garbage[0] {
            b'D' => |number, stream| then_fine(number, stream, b"D\0\0\0\x01"),
            b'?' => |number, stream| then_fine(number, stream, b"????????????"),
            b'Z' => |number, stream| then_fine(number, stream, b"Z\0\0\0\x05?"),
            _ => |number, stream| then_fine(number, stream, b"T\0\0\0\x06\0\0"),
        };
        let (wire, _) = server(script);
        let error = ask(&wire).await.unwrap_err();
        assert!(error.breaks_connection(), "{error}");
        recovers(&wire).await;
    }
}

#[actix_web::test]
async fn half_an_answer_is_none() {
    let (wire, _) = server(|number, stream| {
        if number > 0 {
            return says(stream, &first_answer(b"fine"));
        }
        let mut stream = stream;
        let _ = stream.write_all(&greeting());
        batch(&mut stream);
        let answer = first_answer(b"half");
        // Everything but the ready.
        let _ = stream.write_all(&answer[..answer.len() - 6]);
    });
    let error = ask(&wire).await.unwrap_err();
    assert!(matches!(error, DbError::Lost(_)), "{error}");
    recovers(&wire).await;
}

#[actix_web::test]
async fn a_row_of_a_gigabyte_is_refused_when_it_is_announced_unless_it_can_go_into_a_file() {
    let (wire, _) = server(|number, stream| {
        let row = b"1\0\0\0\x042\0\0\0\x04D\x40\0\0\0\0\x02\0\0\0\x01";
        then_fine(number, stream, row);
    });
    let began = Instant::now();
    let error = ask(&wire).await.unwrap_err();
    assert!(error.breaks_connection(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1));
    recovers(&wire).await;
}

#[actix_web::test]
async fn a_large_column_that_never_comes_to_its_end_is_given_up() {
    let (wire, _) = server(|number, stream| {
        let row = b"1\0\0\0\x042\0\0\0\x04D\x40\0\0\0\0\x01\x3f\xff\xff\xf6begun";
        then_fine(number, stream, row);
    });
    let error = ask(&wire).await.unwrap_err();
    assert!(matches!(error, DbError::Silent), "{error}");
    recovers(&wire).await;
}

#[actix_web::test]
async fn an_answer_that_never_ends_is_given_up_cancelled_and_holds_up_nobody() {
    let (wire, cancels) = server(|number, stream| {
        let answer = first_answer(b"late");
        then_fine(number, stream, &answer[..answer.len() - 6]);
    });
    let began = Instant::now();
    let (error, ()) = futures_util::future::join(ask(&wire), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        recovers(&wire).await;
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "another had to wait"
        );
    })
    .await;
    assert!(matches!(error, Err(DbError::Silent)), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(4));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(cancels.load(Ordering::SeqCst) > 0);
}

#[actix_web::test]
async fn notices_without_end_hold_up_nobody() {
    let (wire, _) = server(|number, mut stream| {
        if number > 0 {
            return says(stream, &first_answer(b"fine"));
        }
        let _ = stream.write_all(&greeting());
        batch(&mut stream);
        let notices: Vec<u8> = (0..1000)
            .flat_map(|_| message(b'N', b"SNOTICE\0Mx\0\0"))
            .collect();
        while stream.write_all(&notices).is_ok() {}
    });
    let (error, ()) = futures_util::future::join(ask(&wire), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        recovers(&wire).await;
    })
    .await;
    assert!(matches!(error, Err(DbError::Silent)), "{error:?}");
}

/// 1. A server answers a request twice.
/// 2. The second answer must not become that of whoever comes next.
#[actix_web::test]
async fn an_answer_nobody_asked_for_is_nobodys() {
    let (wire, _) = server(|number, stream| {
        let mut twice = first_answer(b"first");
        twice.extend_from_slice(&row(b"second"));
        twice.extend_from_slice(&message(b'C', b"SELECT 1\0"));
        twice.extend_from_slice(&message(b'Z', b"I"));
        then_fine(number, stream, &twice);
    });
    assert_eq!(ask(&wire).await.unwrap(), "first");
    tokio::time::sleep(Duration::from_millis(50)).await;
    recovers(&wire).await;
}

/// PostgreSQL ends an idle session with a message and then the connection: whoever comes next has another.
#[actix_web::test]
async fn a_session_that_was_ended_while_idle_costs_nobody_an_answer() {
    let (wire, _) = server(|number, mut stream| {
        if number > 0 {
            return says(stream, &first_answer(b"fine"));
        }
        let _ = stream.write_all(&greeting());
        batch(&mut stream);
        let mut last = first_answer(b"fine");
        last.extend_from_slice(&message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mterminating\0\0"));
        let _ = stream.write_all(&last);
    });
    assert_eq!(ask(&wire).await.unwrap(), "fine");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ask(&wire).await.unwrap(), "fine");
}

#[actix_web::test]
async fn a_client_that_goes_away_has_its_query_cancelled_and_the_session_is_used_again() {
    let (wire, cancels) = server_of(1, |_, mut stream| {
        let _ = stream.write_all(&greeting());
        batch(&mut stream);
        std::thread::sleep(Duration::from_millis(150));
        let mut cancelled = message(b'1', b"");
        cancelled.extend_from_slice(&message(b'E', b"VERROR\0C57014\0Mcanceling\0\0"));
        cancelled.extend_from_slice(&message(b'Z', b"I"));
        let _ = stream.write_all(&cancelled);
        // What absorbs a late cancel.
        batch(&mut stream);
        let _ = stream.write_all(&message(b'Z', b"I"));
        batch(&mut stream);
        let mut fine = message(b'2', b"");
        fine.extend_from_slice(&row(b""));
        fine.extend_from_slice(&message(b'C', b"SELECT 1\0"));
        for part in [
            message(b'1', b""),
            message(b'2', b""),
            row(b"same session"),
            message(b'C', b"SELECT 1\0"),
            message(b'Z', b"I"),
        ] {
            fine.extend_from_slice(&part);
        }
        let _ = stream.write_all(&fine);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let gone = tokio::time::timeout(Duration::from_millis(50), ask(&wire)).await;
    assert!(gone.is_err());
    assert_eq!(ask(&wire).await.unwrap(), "same session");
    assert!(cancels.load(Ordering::SeqCst) > 0);
}
