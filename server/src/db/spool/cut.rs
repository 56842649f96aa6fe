//! Messages of PostgreSQL's protocol (version 3), as far as needed to cut the first column out of a large row. No input
//! and output here: bytes in, and what is to be done with them.
//!
//! A message is a letter and a length, which counts itself and what follows. A row (`D`) goes on with the number of its
//! columns and, for each, a length and that many bytes.

/// The longest part of a message that has to be known before anything is decided: letter, length, number of columns,
/// length of the first one.
const HEAD: usize = 11;

/// What stands for a column that was cut out: its number, so that nobody takes it for that of another row.
pub type Mark = [u8; MARK];

const MARK: usize = 8;

/// The part that every message has.
const FRAME: usize = 5;

/// Follows the messages of one connection.
pub struct Cut {
    most: usize,
    head: [u8; HEAD + MARK],
    /// Bytes of `head` there are.
    known: usize,
    state: State,
    /// How many columns were cut out.
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes go through.
    Through(usize),
    /// So many go aside, then so many through.
    Aside(usize, usize),
}

/// What is to be done with a piece of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// It was kept, to be decided later.
    Nothing,
    /// The head of a message goes through, perhaps another one than came.
    Head(&'a [u8]),
    /// It goes through.
    Through(&'a [u8]),
    /// It is part of a large column.
    Aside {
        /// These bytes.
        bytes: &'a [u8],
        /// The column ends with them, and this stands for it.
        end: Option<Mark>,
    },
}

impl Cut {
    /// Cuts out what is larger than `most`.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            head: [0; HEAD + MARK],
            known: 0,
            state: State::Head,
            number: 0,
        }
    }

    /// Looks at the input, which is not empty: how many bytes were taken, and what becomes of them. No more than `room`
    /// bytes go through at once.
    pub fn next<'a>(&'a mut self, input: &'a [u8], room: usize) -> (usize, Piece<'a>) {
        match self.state {
            State::Head => self.head(input),
            State::Through(left) => {
                let bytes = first(input, left.min(room));
                self.state = match left - bytes.len() {
                    0 => State::Head,
                    left => State::Through(left),
                };
                (bytes.len(), Piece::Through(bytes))
            }
            State::Aside(left, after) => {
                let bytes = first(input, left);
                let left = left - bytes.len();
                self.state = match (left, after) {
                    (0, 0) => State::Head,
                    (0, after) => State::Through(after),
                    (left, after) => State::Aside(left, after),
                };
                let end = (left == 0).then(|| self.number.to_be_bytes());
                (bytes.len(), Piece::Aside { bytes, end })
            }
        }
    }

    fn head<'a>(&'a mut self, input: &[u8]) -> (usize, Piece<'a>) {
        let mut taken = 0;
        loop {
            let wanted = if self.known >= FRAME && self.is_large_row() {
                HEAD
            } else {
                FRAME
            };
            let missing = first(
                input.get(taken..).unwrap_or_default(),
                wanted - self.known.min(wanted),
            );
            for (to, from) in self.head.iter_mut().skip(self.known).zip(missing) {
                *to = *from;
            }
            taken += missing.len();
            self.known += missing.len();
            if self.known < wanted {
                return (taken, Piece::Nothing);
            }
            if wanted == HEAD || !self.is_large_row() {
                break;
            }
        }
        self.decide();
        let known = std::mem::take(&mut self.known);
        (taken, Piece::Head(first(&self.head, known)))
    }

    /// The head is whole: where does the message end, and is its first column to be cut out?
    fn decide(&mut self) {
        // Letter not counted, the length itself counted.
        let left = (1 + self.length()).saturating_sub(self.known);
        let column = usize::try_from(i32::from_be_bytes(self.four(7))).unwrap_or(0);
        let cut = self.known == HEAD && column > self.most && column <= left;
        self.state = match left {
            0 => State::Head,
            left if cut => {
                self.number += 1;
                let shorter = u32::try_from(self.length() - column + MARK).unwrap_or(u32::MAX);
                self.write(1, &shorter.to_be_bytes());
                self.write(7, &u32::try_from(MARK).unwrap_or_default().to_be_bytes());
                self.write(HEAD, &self.number.to_be_bytes());
                self.known = HEAD + MARK;
                State::Aside(column, left - column)
            }
            left => State::Through(left),
        };
    }

    fn is_large_row(&self) -> bool {
        self.head.first() == Some(&b'D') && self.length() >= self.most + HEAD
    }

    fn length(&self) -> usize {
        usize::try_from(u32::from_be_bytes(self.four(1))).unwrap_or(usize::MAX - 1)
    }

    fn four(&self, at: usize) -> [u8; 4] {
        let bytes = self
            .head
            .get(at..at + 4)
            .and_then(|four| four.try_into().ok());
        bytes.unwrap_or_default()
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        for (to, from) in self.head.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }
}

fn first(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most.min(bytes.len())).unwrap_or_default()
}
