//! Walks over the keyboard (`qwertz` has its place in the list; the keys here are the American
//! ones) and along the alphabet.

/// Each row lies half a key to the right of the one above.
const ROWS: [&str; 4] = ["1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"];
const SHIFTED: &str = "!@#$%^&*()_+";

/// The least that counts as a walk, and the least of each way in it: `qaz` `wsx` `edc`.
const WALK: usize = 6;
const WAY: usize = 3;
/// One character in so many may lie beside the ways.
const STRAY: usize = 6;

/// True when (almost) all of a text in lower case is made of straight ways: each from key to key in
/// one direction, or along the alphabet. Ways with bends are left out. Of any few random
/// characters some are neighbours, and a good password must not be taken for a walk.
pub(super) fn is_walk(text: &[char]) -> bool {
    let (mut rest, mut stray) = (text, 0);
    while !rest.is_empty() {
        let way = way(rest, across_keys).max(way(rest, along_alphabet));
        if way < WAY {
            stray += way;
        }
        rest = rest.get(way..).unwrap_or_default();
    }
    text.len() >= WALK && stray * STRAY <= text.len()
}

/// How many characters from the first on are each the same step from the one before.
fn way<Step: PartialEq>(text: &[char], step: fn(char, char) -> Option<Step>) -> usize {
    let mut steps = text.windows(2).map(|pair| match pair {
        [from, to] => step(*from, *to),
        _ => None,
    });
    let Some(Some(first)) = steps.next() else {
        return 1;
    };
    2 + steps
        .take_while(|step| step.as_ref() == Some(&first))
        .count()
}

/// The direction to the same key, or to one that touches it.
fn across_keys(from: char, to: char) -> Option<(i32, i32)> {
    let ((from_row, from_place), (to_row, to_place)) = key(from).zip(key(to))?;
    let (down, right) = (to_row - from_row, to_place - from_place);
    let near = match down {
        0 => right.abs() <= 1,
        1 => right == 0 || right == -1,
        -1 => right == 0 || right == 1,
        _ => false,
    };
    near.then_some((down, right))
}

/// Row and place of the key that types this.
fn key(character: char) -> Option<(i32, i32)> {
    (0..)
        .zip(ROWS)
        .chain([(0, SHIFTED)])
        .find_map(|(row, keys)| Some((row, i32::try_from(keys.find(character)?).ok()?)))
}

/// The direction to the next letter, or to the one before.
fn along_alphabet(from: char, to: char) -> Option<i32> {
    let letters = from.is_ascii_lowercase() && to.is_ascii_lowercase();
    let step = i32::try_from(u32::from(to)).ok()? - i32::try_from(u32::from(from)).ok()?;
    (letters && step.abs() == 1).then_some(step)
}
