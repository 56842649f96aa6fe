//! PostgreSQL's protocol (version 3) by hand: several statements behind one Sync, without BEGIN, as the
//! leanest servers send them and no driver lets a test do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A session of a login that needs no password.
pub struct Wire {
    stream: TcpStream,
}

/// What one batch came to: the rows as text, and the SQLSTATE of the first error.
#[derive(Debug, Default)]
pub struct Batch {
    /// Rows of all statements in order.
    pub rows: Vec<Vec<Option<String>>>,
    /// Where it stopped, if it did.
    pub error: Option<String>,
    /// How many notices and warnings came.
    pub notices: usize,
}

impl Wire {
    /// Connects; `options` are more start-up parameters. The error is a SQLSTATE.
    pub fn connect(
        port: u16,
        user: &str,
        database: &str,
        options: &[(&str, &str)],
    ) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("PostgreSQL listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a time limit");
        let mut wire = Self { stream };
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for (name, value) in [("user", user), ("database", database)]
            .iter()
            .chain(options)
        {
            for text in [name, value] {
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        let length = i32::try_from(body.len() + 4).expect("short");
        wire.stream.write_all(&length.to_be_bytes()).expect("sent");
        wire.stream.write_all(&body).expect("sent");
        match wire.until_ready().error {
            None => Ok(wire),
            Some(state) => Err(state),
        }
    }

    /// Parse, Bind and Execute of each statement, then one Sync.
    pub fn batch(&mut self, statements: &[&str]) -> Batch {
        let mut bytes = Vec::new();
        let mut message = |kind: u8, body: &[u8]| {
            bytes.push(kind);
            bytes.extend_from_slice(&i32::try_from(body.len() + 4).expect("short").to_be_bytes());
            bytes.extend_from_slice(body);
        };
        for statement in statements {
            let mut parse = vec![0];
            parse.extend_from_slice(statement.as_bytes());
            parse.extend_from_slice(&[0, 0, 0]);
            message(b'P', &parse);
            message(b'B', &[0; 8]);
            message(b'E', &[0; 5]);
        }
        message(b'S', &[]);
        self.stream.write_all(&bytes).expect("sent");
        self.until_ready()
    }

    fn until_ready(&mut self) -> Batch {
        let mut batch = Batch::default();
        loop {
            let mut head = [0; 5];
            if self.stream.read_exact(&mut head).is_err() {
                batch.error.get_or_insert_with(|| "closed".into());
                return batch;
            }
            let length = i32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).expect("a length") - 4];
            self.stream
                .read_exact(&mut body)
                .expect("the whole message");
            match head[0] {
                b'Z' => return batch,
                b'D' => batch.rows.push(row(&body)),
                b'N' => batch.notices += 1,
                b'E' => {
                    let state = body
                        .split(|byte| *byte == 0)
                        .find(|field| field.first() == Some(&b'C'));
                    let state =
                        state.map(|field| String::from_utf8_lossy(&field[1..]).into_owned());
                    batch.error.get_or_insert(state.expect("an SQLSTATE"));
                }
                _ => {}
            }
        }
    }
}

fn row(body: &[u8]) -> Vec<Option<String>> {
    let columns = u16::from_be_bytes([body[0], body[1]]);
    let mut at = 2;
    (0..columns)
        .map(|_| {
            let length = i32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
            at += 4;
            let length = usize::try_from(length).ok()?;
            let text = String::from_utf8_lossy(&body[at..at + length]).into_owned();
            at += length;
            Some(text)
        })
        .collect()
}
