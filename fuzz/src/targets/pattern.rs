//! Patterns of users, and texts of senders that they are compared with.

use fastrand::Rng;
use hookd_core::{Glob, Pattern};

use crate::{Bound, Meter, Scope, Target, mutation};

/// The first line is the pattern, the rest is the text.
///
/// Laws: what is wrong with a pattern is said on one short line; what matches at the beginning is found; a pattern of
/// `fnmatch` matches what an implementation of its definition does, and may match every beginning of it.
pub(super) struct Patterns;

/// Compiling is the operator's doing, and has a limit of 1 MiB for what it becomes; it may take some of that on the way.
const BOUND: Bound = Bound { bytes_per_byte: 4096, free_bytes: 16 << 20 };

/// The longest text for the slow implementation of `fnmatch`.
const MAX_COMPARED: usize = 2000;

const TOKENS: &[&str] = &[
    "*",
    "?",
    "[",
    "]",
    "[!",
    "[^",
    "[a-z]",
    "[]-a]",
    "**",
    "(?i)",
    "(?m)",
    "(?:",
    "(?P<n>",
    "(?=",
    "(?<!",
    "\\1",
    "\\Z",
    "$",
    "{2,5}",
    "{1000}",
    "+?",
    "|",
    "\\d",
    "\\p{L}",
    "\\x",
    "[[:alpha:]]",
    "--",
    "&&",
    "~~",
    "(?#x)",
    "\\b",
    "\u{fc}",
];

impl Target for Patterns {
    fn name(&self) -> &'static str {
        "pattern"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        [
            "\\[ *skip *ci *\\]\nfix [skip ci]",
            "^refs/(heads|tags)/v[0-9]+(\\.[0-9]+)*$\nrefs/tags/v1.2\n",
            "github.*\ngithub.base.ref",
            "[!x][]a-c-]?[a\naabab",
            "(?im)^a{2,3}.*b$\nAA\nb",
            "https://git.example.org/*/[a-z]*.git\nhttps://git.example.org/a/b.git",
        ]
        .map(|seed| seed.as_bytes().to_vec())
        .to_vec()
    }

    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
        mutation::bytes::mutate(rng, input, other, TOKENS)
    }

    fn check(&self, input: &[u8], _: Scope, meter: &mut Meter) {
        let input = String::from_utf8_lossy(input);
        let (pattern, text) = input.split_once('\n').unwrap_or((&input, ""));
        meter.measure(BOUND, input.len(), || {
            match Pattern::new(pattern) {
                Ok(compiled) => {
                    let is_at_start = compiled.matches_start_of(text);
                    assert!(!is_at_start || compiled.is_found_in(text), "matches at the start, but is not found");
                }
                Err(message) => super::assert_line(&message.escape_debug().to_string()),
            }
            match Glob::new(pattern) {
                Ok(glob) => check_glob(&glob, pattern, text),
                Err(message) => super::assert_line(&message),
            }
        });
    }
}

fn check_glob(glob: &Glob, pattern: &str, text: &str) {
    let text: String = text.chars().take(MAX_COMPARED).collect();
    let matches = glob.matches(&text);
    if pattern.len() <= MAX_COMPARED {
        assert_eq!(matches, fnmatch(pattern, &text), "{pattern:?} on {text:?}");
    }
    if matches {
        let beginnings = text.char_indices().map(|(at, _)| &text[..at]).chain([&*text]);
        for beginning in beginnings.take(100) {
            assert!(glob.may_match_beginning(beginning), "{pattern:?} may match {beginning:?}");
        }
    }
}

/// A part of a pattern.
enum Part {
    Any,
    One,
    Char(char),
    /// Ranges of characters, and whether those outside are meant.
    Set(Vec<(char, char)>, bool),
}

/// Python's `fnmatch.fnmatchcase`, from its documentation, and without a regular expression.
fn fnmatch(pattern: &str, text: &str) -> bool {
    let parts = parts(&pattern.chars().collect::<Vec<_>>());
    // For each number of parts: which numbers of characters they match.
    let text: Vec<char> = text.chars().collect();
    let mut matched = vec![false; text.len() + 1];
    matched[0] = true;
    for part in &parts {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match part {
                Part::Any => matched[at] || (at > 0 && next[at - 1]),
                _ if at == 0 => false,
                Part::One => matched[at - 1],
                Part::Char(c) => matched[at - 1] && text[at - 1] == *c,
                Part::Set(ranges, is_negated) => {
                    let is_in = ranges.iter().any(|(start, end)| (*start..=*end).contains(&text[at - 1]));
                    matched[at - 1] && is_in != *is_negated
                }
            };
        }
        matched = next;
    }
    matched[text.len()]
}

fn parts(pattern: &[char]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(c) = pattern.get(at) {
        at += 1;
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '[' => {
                let is_negated = pattern.get(at) == Some(&'!');
                let first = at + usize::from(is_negated);
                let close = (first + 1..pattern.len()).find(|close| pattern[*close] == ']');
                match close {
                    Some(close) => {
                        at = close + 1;
                        Part::Set(ranges(&pattern[first..close]), is_negated)
                    }
                    None => Part::Char('['),
                }
            }
            other => Part::Char(*other),
        });
    }
    parts
}

fn ranges(members: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    let mut rest = members;
    while let Some((first, after)) = rest.split_first() {
        match after {
            ['-', end, behind @ ..] => {
                ranges.push((*first, *end));
                rest = behind;
            }
            _ => {
                ranges.push((*first, *first));
                rest = after;
            }
        }
    }
    ranges
}
