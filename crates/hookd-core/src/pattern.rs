//! Patterns in Python's notation: `re` for skip patterns, `fnmatch` for whitelists.
//!
//! What a user writes is compiled here and nowhere else, and within bounds: of its length and of what it becomes.

use std::cmp::Reverse;
use std::fmt;

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;

/// The most memory of a compiled pattern, and of what matching with it caches.
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// How much of a pattern a message repeats, in characters.
const MAX_SHOWN_CHARS: usize = 80;

/// A regular expression in Python's notation, as far as it can be matched in linear time.
///
/// What Python's `re` has and this lacks (look-around, back references) is an error that says so; where both write the
/// same thing differently (`$` before a last newline, `\Z`, a bare `[` in a set), it means what it means in Python.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    regex: Regex,
}

impl Pattern {
    /// A pattern of this source.
    ///
    /// # Errors
    /// What is wrong with it, on one line; also that it is too long, or too large when it is compiled.
    pub fn new(source: &str) -> Result<Self, String> {
        check_length(source)?;
        let wrong = |cause: String| format!("bad regular expression `{}`: {cause}", shown(source));
        let regex = compile(&translated(source)?).map_err(wrong)?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// Whether it is found anywhere in `text`: Python's `re.search`.
    pub fn is_found_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether it seems to be found in every text, as `.*` is: in none at all, one line, and several.
    pub fn is_found_everywhere(&self) -> bool {
        ["", "x", "one line", "Two\n\nlines."].iter().all(|text| self.is_found_in(text))
    }

    /// Whether it matches at the beginning of `text`: Python's `re.match`.
    pub fn matches_start_of(&self, text: &str) -> bool {
        // The leftmost match is the one at the beginning, where there is one.
        self.regex.find(text).is_some_and(|found| found.start() == 0)
    }

    /// The names of its groups, `(?P<NAME>…)`.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.regex.capture_names().flatten()
    }

    /// What its named groups have found in `text`, where it is found itself; those that take no part are left out.
    pub fn groups(&self, text: &str) -> Option<Vec<(String, String)>> {
        let found = self.regex.captures(text)?;
        let value = |name: &str| Some((name.to_owned(), found.name(name)?.as_str().to_owned()));
        Some(self.group_names().filter_map(value).collect())
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

fn check_length(source: &str) -> Result<(), String> {
    match source.len() {
        length if length > MAX_PATTERN_BYTES => {
            Err(format!("the pattern has {length} bytes, and may have {MAX_PATTERN_BYTES} at most"))
        }
        _ => Ok(()),
    }
}

/// The beginning of a pattern, for messages.
fn shown(source: &str) -> String {
    match source.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &source[..end]),
        None => source.to_owned(),
    }
}

/// Compiles a regular expression in the notation of the `regex` crate, or says in a few words why not.
fn compile(expression: &str) -> Result<Regex, String> {
    let compiled =
        RegexBuilder::new(expression).size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_COMPILED_BYTES).build();
    compiled.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            format!("it takes more than {} KiB when it is compiled", MAX_COMPILED_BYTES >> 10)
        }
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

/// Python's notation in that of the `regex` crate.
fn translated(source: &str) -> Result<String, String> {
    let lacking = |what: &str| {
        Err(format!(
            "regular expression `{}` uses {what}, which Python has but hookd does not: it matches in linear time only",
            shown(source)
        ))
    };
    let multiline = source.starts_with("(?") && source.split(')').next().is_some_and(|flags| flags.contains('m'));
    let mut out = String::with_capacity(source.len() + 8);
    let mut chars = source.chars().peekable();
    // Inside a set: how many characters of it were seen, since a `]` that comes first is one of them.
    let mut in_set: Option<usize> = None;
    while let Some(c) = chars.next() {
        if let Some(seen) = &mut in_set {
            match c {
                '\\' => out.extend([Some('\\'), chars.next()].into_iter().flatten()),
                ']' if *seen > 0 => {
                    out.push(']');
                    in_set = None;
                    continue;
                }
                '[' | '&' | '~' | ']' => out.extend(['\\', c]),
                '-' if chars.peek() == Some(&'-') => return lacking("`--` in a set"),
                c => out.push(c),
            }
            *seen += 1;
            continue;
        }
        match c {
            '[' => {
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                in_set = Some(0);
            }
            '$' if !multiline => out.push_str(r"(?:\n?\z)"),
            '(' if chars.peek() == Some(&'?') => {
                let rest: String = chars.clone().take(3).collect();
                match rest.as_str() {
                    r if r.starts_with("?=") || r.starts_with("?!") => return lacking("look-ahead `(?=…)`"),
                    "?<=" | "?<!" => return lacking("look-behind `(?<=…)`"),
                    "?P=" => return lacking("a back reference `(?P=…)`"),
                    r if r.starts_with("?(") => return lacking("a conditional `(?(…)…)`"),
                    r if r.starts_with("?>") => return lacking("an atomic group `(?>…)`"),
                    _ => out.push('('),
                }
            }
            '\\' => match chars.next() {
                Some('Z') => out.push_str(r"\z"),
                Some(digit @ '1'..='9') => return lacking(&format!("a back reference `\\{digit}`")),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(de::Error::custom)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "regular expression", "type": "string", "description": "A regular expression in Python's notation, without look-around and back references." })
    }
}

/// A file-name pattern of Python's `fnmatch.fnmatchcase`: `*`, `?`, `[seq]`, `[!seq]`; all else, an unclosed `[`
/// included, stands for itself. `*` crosses dots and slashes, and `**` is no more than `*`.
#[derive(Clone)]
pub struct Glob {
    source: String,
    regex: Regex,
}

impl Glob {
    /// A pattern of this source.
    ///
    /// # Errors
    /// When it is too long, or too large when it is compiled. The message does not repeat the pattern.
    pub fn new(source: &str) -> Result<Self, String> {
        check_length(source)?;
        let regex = compile(&globbed(source)).map_err(|cause| format!("bad pattern: {cause}"))?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// A pattern of this source that matches letters in either case.
    ///
    /// # Errors
    /// As [`Glob::new`].
    pub fn ignoring_case(source: &str) -> Result<Self, String> {
        check_length(source)?;
        let expression = globbed(source).replacen("(?s)", "(?si)", 1);
        let regex = compile(&expression).map_err(|cause| format!("bad pattern: {cause}"))?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// Whether it matches the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Whether it may match a text that begins like this; `false` means that it matches none.
    pub fn may_match_beginning(&self, beginning: &str) -> bool {
        let literal = self.source.split(['*', '?', '[']).next().unwrap_or_default();
        literal.starts_with(beginning) || (beginning.starts_with(literal) && literal.len() < self.source.len())
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Values by pattern. Of several patterns that match the longest counts, and of those the first by alphabet.
#[derive(Clone, Debug)]
pub struct GlobMap<T>(Vec<(Glob, T)>);

impl<T> GlobMap<T> {
    /// The value for a text.
    pub fn get(&self, text: &str) -> Option<&T> {
        self.0.iter().find(|(glob, _)| glob.matches(text)).map(|(_, value)| value)
    }

    /// The patterns, in the order in which they count.
    pub fn patterns(&self) -> impl Iterator<Item = &Glob> {
        self.0.iter().map(|(glob, _)| glob)
    }
}

impl<T> FromIterator<(Glob, T)> for GlobMap<T> {
    fn from_iter<I: IntoIterator<Item = (Glob, T)>>(entries: I) -> Self {
        let mut entries: Vec<(Glob, T)> = entries.into_iter().collect();
        entries.sort_by_key(|(glob, _)| (Reverse(glob.source().chars().count()), glob.source().to_owned()));
        Self(entries)
    }
}

/// As Python's `fnmatch.translate`.
fn globbed(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::from(r"(?s)\A");
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        at += 1;
        match c {
            '*' => {
                // Several are no more than one.
                while chars.get(at) == Some(&'*') {
                    at += 1;
                }
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '[' => {
                let negated = chars.get(at) == Some(&'!');
                // A `]` that comes first is one of the set.
                let first = at + usize::from(negated);
                let close = chars.iter().skip(first + 1).position(|c| *c == ']').map(|offset| first + 1 + offset);
                match close {
                    Some(close) => {
                        out.push_str(&set(negated, &chars[first..close]));
                        at = close + 1;
                    }
                    None => out.push_str(r"\["),
                }
            }
            c => out.push_str(&regex::escape(&c.to_string())),
        }
    }
    out.push_str(r"\z");
    out
}

/// A set of characters and ranges; a range whose end comes before its start is empty, as in Python.
fn set(negated: bool, members: &[char]) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < members.len() {
        let (start, end) = match members.get(at..at + 3) {
            Some([start, '-', end]) => (*start, *end),
            _ => (members[at], members[at]),
        };
        at += if members.get(at + 1) == Some(&'-') && at + 2 < members.len() { 3 } else { 1 };
        if start <= end {
            let (start, end) = (regex::escape(&start.to_string()), regex::escape(&end.to_string()));
            out.push_str(&format!("{start}-{end}"));
        }
    }
    match (out.is_empty(), negated) {
        (true, true) => ".".to_owned(),
        (true, false) => r"[^\x00-\x{10FFFF}]".to_owned(),
        (false, true) => format!("[^{out}]"),
        (false, false) => format!("[{out}]"),
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.source)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Glob {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Glob".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "fnmatch pattern", "type": "string", "description": "A pattern of Python's `fnmatch`: `*` (also across dots), `?`, `[seq]`, `[!seq]`." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_found_everywhere() {
        for (source, everywhere) in
            [(".*", true), ("", true), ("^", true), ("x?", true), ("^$", false), (r"\[skip", false)]
        {
            assert_eq!(Pattern::new(source).unwrap().is_found_everywhere(), everywhere, "{source}");
        }
    }

    #[test]
    fn globs_mean_what_they_mean_in_python() {
        for (glob, text, matches) in [
            ("github.*", "github.head.sha", true),
            ("github.**", "github.head.sha", true),
            ("github.?", "github.x", true),
            ("[!x]y", "ay", true),
            ("[!x]y", "xy", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("a[b", "a[b", true),
            ("[a-c]", "b", true),
            ("[c-a]", "b", false),
            ("[!c-a]", "b", true),
            ("[a-]", "-", true),
            ("[^a]", "^", true),
            ("a.c", "abc", false),
            ("A", "a", false),
            ("*", "a\nb", true),
            ("", "", true),
            ("[--/]", ".", true),
        ] {
            assert_eq!(Glob::new(glob).unwrap().matches(text), matches, "{glob} on {text}");
        }
    }

    #[test]
    fn globs_may_ignore_case() {
        let glob = Glob::ignoring_case("Fern-*/[A-C]?é").unwrap();
        assert!(glob.matches("FERN-WORKS/bxÉ") && glob.matches("fern-/A_é") && !glob.matches("fern/bxé"));
        assert_eq!(glob.source(), "Fern-*/[A-C]?é");
    }

    #[test]
    fn the_longest_pattern_that_matches_counts() {
        let map: GlobMap<u8> = [("*", 1), ("b*/x", 3), ("a*/x", 2), ("*/xy", 4)]
            .map(|(glob, value)| (Glob::new(glob).unwrap(), value))
            .into_iter()
            .collect();
        for (text, expected) in [("ab/x", Some(2)), ("b/x", Some(3)), ("a/xy", Some(4)), ("else", Some(1))] {
            assert_eq!(map.get(text).copied(), expected, "{text}");
        }
        let order: Vec<&str> = map.patterns().map(Glob::source).collect();
        assert_eq!(order, ["*/xy", "a*/x", "b*/x", "*"]);
    }

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        for (pattern, text, found) in [
            (r"\[ *skip *ci *\]", "fix [skip  ci]", true),
            (r"\[ *ci *skip *\]", "fix [ci skip ]", true),
            (r"skip$", "skip\n", true),
            (r"skip$", "skip\n\n", false),
            (r"skip\Z", "skip\n", false),
            (r"[[]ci[]]", "[ci]", true),
            (r"[&&a]", "&", true),
            (r"(?m)^skip$", "a\nskip\nb", true),
            (r"(?i)SKIP", "skip", true),
            (r"(?P<name>x)", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().is_found_in(text), found, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn patterns_have_bounds() {
        let long = "x".repeat(20_000);
        let too_long = "the pattern has 20000 bytes, and may have 4096 at most";
        assert_eq!(Pattern::new(&long).unwrap_err(), too_long);
        assert_eq!(Glob::new(&long).unwrap_err(), too_long);
        assert_eq!(Glob::new(&"[".repeat(20_000)).unwrap_err(), too_long);
        let longest = "x".repeat(MAX_PATTERN_BYTES);
        assert!(Pattern::new(&longest).unwrap().is_found_in(&longest));
        assert!(Glob::new(&longest).unwrap().matches(&longest));
        assert!(Glob::new(&"*".repeat(MAX_PATTERN_BYTES)).unwrap().matches("anything"));
        let error = Pattern::new(r"(\w{1000}){1000}").unwrap_err();
        assert_eq!(
            error,
            r"bad regular expression `(\w{1000}){1000}`: it takes more than 1024 KiB when it is compiled"
        );
        let error = Glob::new(&"[!a]?".repeat(MAX_PATTERN_BYTES / 5)).unwrap_err();
        assert_eq!(error, "bad pattern: it takes more than 1024 KiB when it is compiled");
        // Deeply nested, and shown by its beginning alone.
        let error = Pattern::new(&"(".repeat(MAX_PATTERN_BYTES)).unwrap_err();
        assert!(error.starts_with(&format!("bad regular expression `{}…`: ", "(".repeat(80))), "{error}");
        assert!(error.len() < 300, "{error}");
    }

    #[test]
    fn says_what_python_has_and_hookd_lacks() {
        for (pattern, what) in [
            (r"(?=x)", "look-ahead"),
            (r"(?<!x)y", "look-behind"),
            (r"(a)\1", r"back reference `\1`"),
            (r"(?P<a>x)(?P=a)", "back reference"),
            (r"(", "bad regular expression `(`: unclosed group"),
        ] {
            let message = Pattern::new(pattern).unwrap_err();
            assert!(message.contains(what), "{message}");
        }
    }
}
