//! For the fuzz target and its everyday test: a session that hears whatever bytes somebody thinks of.
//!
//! The bytes are a script, since a fuzzer that has to guess lengths sees little beyond them: what PostgreSQL says, where
//! what it says is cut, and what is asked meanwhile. Whatever is heard, every request ends in an answer or in an error,
//! however the bytes were cut the messages are the same, and memory follows what arrived.

use super::batch::Block;
use super::large::Incoming;
use super::message::{Malformed, Message};
use super::names::Names;
use super::queue::{Coming, Queue};
use super::startup::{Account, Startup};
use super::testing::{caller, statement};
use crate::db::error::DbError;
use crate::db::spool::MOST;
use crate::db::transaction::Work;
use bytes::{BufMut, BytesMut};
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::{Estimate, Statement};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::error::TryRecvError;

/// One step of a script.
#[derive(Debug)]
enum Step {
    /// This arrives, perhaps with more of its kind.
    Bytes(BytesMut),
    /// What was said until now has arrived.
    Cut,
    /// Somebody asks.
    Ask(u8),
    /// Nobody waits any more for the oldest answer.
    Leave,
}

/// Bytes of one large column at most: what goes into a file, and a bit.
const LARGE: usize = MOST + 4096;

/// Reads a script. Any bytes are one.
///
/// | first byte | means |
/// |---|---|
/// | below 0x40 | so many bytes, as they are |
/// | below 0x80 | a message: its tag, and so many bytes less 0x40 of content; its length is true |
/// | below 0x90 | a row with a large first column and up to 15 bytes behind it |
/// | below 0xc0 | a request |
/// | below 0xd0 | nobody waits for the oldest answer |
/// | others | a cut |
fn script(mut bytes: &[u8]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut large = 0;
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        let mut some = |count: usize| {
            let (taken, rest) = bytes.split_at(count.min(bytes.len()));
            bytes = rest;
            taken
        };
        let step = match first {
            0..0x40 => Step::Bytes(some(first.into()).into()),
            0x40..0x80 => {
                let tag = some(1).first().copied().unwrap_or_default();
                Step::Bytes(framed(tag, some((first - 0x40).into())))
            }
            // Two of them show all that more would, and take time.
            0x80..0x90 if large < 2 => {
                large += 1;
                let mut content = BytesMut::with_capacity(LARGE + 32);
                content.put_slice(&[0, some(1).first().copied().unwrap_or(1)]);
                content.put_u32(u32::try_from(LARGE).unwrap_or_default());
                content.put_bytes(b'x', LARGE);
                content.put_slice(some((first - 0x80).into()));
                Step::Bytes(framed(b'D', &content))
            }
            0x80..0x90 => Step::Cut,
            0x90..0xc0 => Step::Ask(first),
            0xc0..0xd0 => Step::Leave,
            0xd0.. => Step::Cut,
        };
        steps.push(step);
    }
    steps
}

fn framed(tag: u8, content: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::with_capacity(content.len() + 5);
    bytes.put_u8(tag);
    bytes.put_u32(u32::try_from(content.len() + 4).unwrap_or_default());
    bytes.put_slice(content);
    bytes
}

/// Plays a script to a session. The first byte says what it logs in with, or that it has logged in.
///
/// # Panics
/// When something does not hold that always must.
pub fn hear(data: &[u8]) {
    let Some((&setting, data)) = data.split_first() else {
        return;
    };
    let steps = script(data);
    same_however_cut(&steps);
    Session::new(setting).play(steps);
}

fn directory() -> Arc<PathBuf> {
    Arc::new(std::env::temp_dir())
}

/// A message as it is compared: what is in a file is like nothing else, so its length stands for it.
fn told(message: Message) -> String {
    match message {
        Message::Row(mut row) => {
            let first = row.take_first();
            let length = first.map(|first| first.expect("room for a file").length);
            format!("row {length:?} {row:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Takes the messages that arrived, and looks at what that costs in memory.
fn messages(incoming: &mut Incoming, told_of: &mut Vec<String>) -> Result<(), Malformed> {
    loop {
        let (before, had) = (incoming.arrived.len(), incoming.arrived.capacity());
        let next = incoming.next();
        // Room is made for what arrived and a bit, which a buffer may double, and never for what was announced.
        let room = incoming.arrived.capacity();
        assert!(
            room <= had.max(2 * (before + (1 << 20))),
            "{room} bytes of room for {before}"
        );
        match next? {
            None => return Ok(()),
            Some(message) => {
                // What costs nothing would be said for ever.
                assert!(
                    incoming.arrived.len() < before || before == 0,
                    "nothing was taken"
                );
                told_of.push(told(message));
            }
        }
    }
}

/// Whole, in the script's pieces and byte by byte the same is heard.
fn same_however_cut(steps: &[Step]) {
    let said = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut incoming = Incoming::new(BytesMut::new(), directory());
        let mut told_of = Vec::new();
        for piece in pieces {
            incoming.arrived.extend_from_slice(piece);
            if let Err(malformed) = messages(&mut incoming, &mut told_of) {
                return (told_of, Some(malformed));
            }
        }
        (told_of, None)
    };
    let bytes = |step: &Step| match step {
        Step::Bytes(bytes) => bytes.clone(),
        Step::Cut | Step::Ask(_) | Step::Leave => BytesMut::new(),
    };
    let all: BytesMut = steps.iter().flat_map(bytes).collect();
    let whole = said(&mut std::iter::once(&all[..]));
    let mut pieces = vec![BytesMut::new()];
    for step in steps {
        match step {
            Step::Bytes(more) => pieces.last_mut().expect("one").extend_from_slice(more),
            Step::Cut => pieces.push(BytesMut::new()),
            Step::Ask(_) | Step::Leave => {}
        }
    }
    let cut = said(&mut pieces.iter().map(|piece| &piece[..]));
    assert_eq!(cut, whole, "in pieces");
    // Of a large column byte by byte is a million writes.
    let size = if all.len() < MOST { 1 } else { 65_521 };
    assert_eq!(said(&mut all.chunks(size)), whole, "in pieces of {size}");
}

/// A session, and who waits for its answers.
struct Session {
    login: Option<Startup<'static>>,
    queue: Queue,
    incoming: Incoming,
    waiting: Vec<Coming>,
    now: Instant,
}

impl Session {
    fn new(setting: u8) -> Self {
        let now = Instant::now();
        let account = Account {
            user: "fluxbase_app",
            password: (setting & 1 != 0).then_some(b"secret"),
            certificate: (setting & 2 != 0).then(|| vec![7; 32]),
            binding_required: setting & 4 != 0,
        };
        let room = usize::from(setting >> 4);
        Self {
            login: (setting & 8 != 0).then(|| Startup::new(account)),
            queue: Queue::new(Names::new(room), now),
            incoming: Incoming::new(BytesMut::new(), directory()),
            waiting: Vec::new(),
            now,
        }
    }

    fn play(mut self, steps: Vec<Step>) {
        let end = self.steps(steps).err();
        let reason = end.unwrap_or_else(|| DbError::Lost("the end".into()));
        for done in self.queue.fail(&reason) {
            done.deliver();
        }
        assert_eq!(self.queue.depth(), 0, "somebody is left");
        for coming in &mut self.waiting {
            match coming.try_recv() {
                // Whoever reads it finds columns that are there, and is told of those that are not.
                Ok((Ok(answer), _)) => {
                    let _ = (answer.body(), answer.bytes(1), answer.integer(1));
                    let _ = answer.planned();
                }
                Ok((Err(error), _)) => drop(error.to_string()),
                // Nobody will answer, and whoever waits hears that the session is lost.
                Err(TryRecvError::Closed) => {}
                Err(TryRecvError::Empty) => panic!("a request is left without an end"),
            }
        }
    }

    fn steps(&mut self, steps: Vec<Step>) -> Result<(), DbError> {
        for step in steps {
            match step {
                Step::Bytes(bytes) => self.incoming.arrived.unsplit(bytes),
                Step::Cut => self.digest()?,
                Step::Ask(kind) => self.ask(kind)?,
                Step::Leave if !self.waiting.is_empty() => drop(self.waiting.remove(0)),
                Step::Leave => {}
            }
        }
        self.digest()
    }

    fn digest(&mut self) -> Result<(), DbError> {
        let broken = |error: Malformed| DbError::Protocol(error.to_string());
        while let Some(message) = self.incoming.next().map_err(broken)? {
            if let Some(login) = &mut self.login {
                let mut out = BytesMut::new();
                if login.take(message, &mut out)? {
                    let _ = login.key();
                    self.login = None;
                }
                assert!(out.len() < 4096, "too much is said at login");
                continue;
            }
            self.now += Duration::from_micros(100);
            let now = self.now;
            if let Some(done) = self.queue.take(message, || now)? {
                done.deliver();
            }
            let _ = self.queue.line(now);
        }
        Ok(())
    }

    /// Somebody asks, if the session takes it: in a block it is alone.
    fn ask(&mut self, kind: u8) -> Result<(), DbError> {
        if self.login.is_some() || self.waiting.len() >= 32 {
            return Ok(());
        }
        let caller = caller((kind & 1 != 0).then_some('b'));
        let access = match kind & 2 {
            0 => Access::ReadOnly,
            _ => Access::ReadWrite,
        };
        let statement = Statement {
            time_zone: (kind & 4 != 0).then(|| "Europe/Paris".to_owned()),
            estimate: (kind & 0x20 != 0).then(|| Estimate {
                sql: "explain select".to_owned(),
                params: Vec::new(),
                counted_to: None,
            }),
            ..statement(&format!("select {}", kind & 3), access, &["a"])
        };
        let work = Work {
            first: (kind & 8 != 0).then_some("select first()"),
            caller: &caller,
            statement: &statement,
            scope: "read:tables",
        };
        let block = match (kind & 0x10, self.queue.depth()) {
            (0x10, 0) => Block::Explicit,
            _ => Block::Implicit,
        };
        if let Ok((_, coming)) = self.queue.request(&work, block, Duration::ZERO, self.now) {
            self.waiting.push(coming);
        }
        self.queue.out.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::hear;
    use crate::db::wire::testing::{cases, first_answer, greeting};
    use proptest::prelude::*;

    /// The bytes as a script says them, in pieces.
    fn script(bytes: &[u8], piece: usize) -> Vec<u8> {
        let said = |part: &[u8]| {
            let length = u8::try_from(part.len()).unwrap();
            [&[length], part, &[0xff]].concat()
        };
        bytes.chunks(piece).flat_map(said).collect()
    }

    #[test]
    fn whole_conversations_are_heard_in_any_pieces() {
        for piece in 1..0x40 {
            let mut data = vec![0x88];
            data.extend(script(&greeting(), piece));
            data.push(0x90);
            data.extend(script(&first_answer(b"text"), piece));
            hear(&data);
        }
    }

    /// A large column goes through a file, which is too slow to be drawn by chance.
    #[test]
    fn a_large_column_is_heard_in_any_pieces() {
        for columns in 0..4 {
            hear(&[
                0, 0x90, 0x42, b'2', 0x88, columns, 0, 0, 0, 1, b'a', 0xff, 0xff, 0xff,
            ]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(cases()))]

        /// A script of what PostgreSQL could say, and of what it never would.
        #[test]
        fn whatever_is_heard_every_request_ends(
            setting in any::<u8>(),
            parts in prop::collection::vec(
                prop_oneof![
                    4 => (prop::sample::select(b"12CDEIZZZ".to_vec()), prop_oneof![
                        Just(Vec::new()),
                        Just(b"I".to_vec()),
                        Just(b"E".to_vec()),
                        Just(b"\0\x01\0\0\0\x02ab".to_vec()),
                        Just(b"VERROR\0C26000\0\0".to_vec()),
                    ]).prop_map(|(tag, content)| {
                        [&[0x40 | u8::try_from(content.len()).unwrap(), tag][..], &content].concat()
                    }),
                    1 => (0_u8..0x80).prop_map(|any| vec![any]),
                    2 => (0x90_u8..0xff).prop_map(|step| vec![step]),
                ],
                0..40,
            ),
        ) {
            let mut data = vec![setting];
            data.extend(parts.concat());
            hear(&data);
        }
    }
}
