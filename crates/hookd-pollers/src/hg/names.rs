//! Names of branches and bookmarks, and what they are called elsewhere.

use std::fmt::{self, Write as _};

/// The position of a name that does not exist.
pub(crate) const MISSING: &str = "none";

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Branch,
    Bookmark,
}

/// A name that is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

impl Name {
    /// Checks a name. It may be whatever Mercurial takes: it is never an argument.
    pub(crate) fn new(kind: Kind, text: String) -> Result<Self, String> {
        if text.is_empty() || text.len() > 1024 || text.contains(['\0', '\n', '\r']) {
            return Err("a name has 1 to 1024 bytes, without line breaks or NUL".to_owned());
        }
        Ok(Self { kind, text })
    }

    /// The key of its position.
    pub(crate) fn key(&self) -> String {
        let kind = if self.kind == Kind::Branch { "branch" } else { "bookmark" };
        format!("{kind}:{}", self.text)
    }

    /// The revset of the revisions on this branch; empty where there is no such branch. Every byte is escaped, so that no
    /// name is ever anything else.
    pub(crate) fn revset(&self) -> String {
        let mut revset = "present(branch(\"literal:".to_owned();
        for byte in self.text.bytes() {
            write!(revset, "\\x{byte:02x}").expect("a String takes all");
        }
        revset + "\"))"
    }
}

/// As in `` branch `default` ``.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == Kind::Branch { "branch" } else { "bookmark" };
        write!(f, "{kind} `{}`", self.text)
    }
}

/// The revset of these hashes, as far as they are known: never anything but hashes.
pub(crate) fn ids<'h>(hashes: impl IntoIterator<Item = &'h String>) -> String {
    let ids: Vec<String> = hashes.into_iter().map(|hash| format!("id({hash})")).collect();
    if ids.is_empty() { "none()".to_owned() } else { format!("({})", ids.join("+")) }
}

/// Whether a text is a full hash.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The bookmarks that `hg debugpushkey` lists: names in Python's escapes, and hashes.
pub(crate) fn bookmarks(listing: &[u8]) -> Vec<(String, String)> {
    let listing = String::from_utf8_lossy(listing);
    let lines = listing.lines().filter_map(|line| line.rsplit_once('\t'));
    lines.filter(|(_, hash)| is_hash(hash)).map(|(name, hash)| (unescaped(name), hash.to_owned())).collect()
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let Some((&kind, tail)) = tail.split_first().filter(|_| byte == b'\\') else {
            bytes.push(byte);
            continue;
        };
        rest = tail;
        match kind {
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'x' => {
                let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    bytes.push(byte);
                    rest = &tail[2..];
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_revset_is_nothing_but_a_name() {
        let name = Name::new(Kind::Branch, "a\") or ü".to_owned()).unwrap();
        assert_eq!(name.revset(), r#"present(branch("literal:\x61\x22\x29\x20\x6f\x72\x20\xc3\xbc"))"#);
        assert_eq!((name.key(), name.to_string()), ("branch:a\") or ü".to_owned(), "branch `a\") or ü`".to_owned()));
        assert!(Name::new(Kind::Bookmark, String::new()).is_err());
        assert_eq!(ids(&[]), "none()");
        assert_eq!(ids(&["a".repeat(40), "b".repeat(40)]), format!("(id({})+id({}))", "a".repeat(40), "b".repeat(40)));
    }

    #[test]
    fn reads_the_names_of_bookmarks() {
        let hash = "f752697510a89d5fa49b502589e47613504941d3";
        let listing = format!("@\t{hash}\nit\\'s \\xc3\\xa9\\\\x41\t{hash}\na b\tnonsense\nend\\x\t{hash}\n");
        let names: Vec<_> = bookmarks(listing.as_bytes()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["@", "it's é\\x41", "end"]);
    }
}
