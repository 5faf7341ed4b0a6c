//! Changes of bytes.

use fastrand::Rng;

/// The longest input that changes make.
pub const MAX_BYTES: usize = 256 << 10;

/// How long a part becomes that is repeated, but for one of many.
const MAX_REPEATED_BYTES: usize = 2 << 10;

/// How long a part may become that is repeated: mostly not very long, seldom so that the input is a large one.
pub fn repeated_bytes(rng: &mut Rng) -> usize {
    if rng.u8(..64) == 0 { MAX_BYTES / 2 } else { MAX_REPEATED_BYTES }
}

/// Bytes that many formats treat in a way of their own.
const SPECIAL: &[u8] = b"\0\t\n\r \"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~09azAZ\x1b\x7f\x80\xc3\xe2\xed\xf0\xff";

/// Changes bytes in one way; `tokens` are words of the format.
pub fn mutate(rng: &mut Rng, input: &[u8], other: &[u8], tokens: &[&str]) -> Vec<u8> {
    let (at, end) = range(rng, input);
    let (before, taken, after) = (&input[..at], &input[at..end], &input[end..]);
    let middle: Vec<u8> = match rng.u8(..12) {
        0 => Vec::new(),
        1 => [taken, taken].concat(),
        2 => repeated(rng, taken),
        3 => some_bytes(rng),
        4 => [taken, &some_bytes(rng)].concat(),
        5 | 6 => [taken, token(rng, tokens)].concat(),
        7 => token(rng, tokens).to_vec(),
        8 => {
            let (from, to) = range(rng, other);
            [taken, &other[from..to]].concat()
        }
        9 => {
            // A beginning of one and an end of another.
            let (from, _) = range(rng, other);
            return shortened([before, &other[from..]].concat());
        }
        10 => taken.iter().map(|byte| byte ^ (1 << rng.u8(..8))).collect(),
        _ => taken.iter().rev().copied().collect(),
    };
    shortened([before, &middle, after].concat())
}

/// As [`mutate`], of lines: removed, doubled, moved, or taken from another input.
pub fn mutate_lines(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    let donors: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
    let at = rng.usize(..=lines.len());
    match rng.u8(..4) {
        0 if at < lines.len() => drop(lines.remove(at)),
        1 if at < lines.len() => {
            let line = lines.remove(at);
            lines.insert(rng.usize(..=lines.len()), line);
        }
        2 if at < lines.len() => lines.insert(rng.usize(..=lines.len()), lines[at]),
        _ => lines.extend(rng.choice(&donors)),
    }
    shortened(lines.concat())
}

/// A part, mostly a short one.
fn range(rng: &mut Rng, input: &[u8]) -> (usize, usize) {
    let at = rng.usize(..=input.len());
    let length = if rng.u8(..8) == 0 { input.len() } else { 1 << rng.u8(..6) };
    (at, at + rng.usize(..=length.min(input.len() - at)))
}

fn some_bytes(rng: &mut Rng) -> Vec<u8> {
    let count = rng.usize(1..=8);
    let byte = |rng: &mut Rng| if rng.bool() { SPECIAL[rng.usize(..SPECIAL.len())] } else { rng.u8(..) };
    (0..count).map(|_| byte(rng)).collect()
}

fn token<'t>(rng: &mut Rng, tokens: &[&'t str]) -> &'t [u8] {
    rng.choice(tokens).map_or(b"", |token| token.as_bytes())
}

/// Many of the same.
fn repeated(rng: &mut Rng, part: &[u8]) -> Vec<u8> {
    let most = repeated_bytes(rng);
    part.repeat(rng.usize(..=most / part.len().max(1)))
}

fn shortened(mut input: Vec<u8>) -> Vec<u8> {
    input.truncate(MAX_BYTES);
    input
}
