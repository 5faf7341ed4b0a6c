//! What `post-receive` gets on standard input: a line `OLD NEW REF` for each ref.

use super::super::change::text;

/// A ref that was pushed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Update {
    old: String,
    new: String,
    /// Its full name.
    pub(crate) name: Vec<u8>,
    pub(crate) kind: Kind,
    /// The whole line.
    pub(crate) line: Vec<u8>,
}

/// What kind of ref it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Branch,
    Tag,
    Other,
}

const HEADS: &[u8] = b"refs/heads/";
const TAGS: &[u8] = b"refs/tags/";

impl Update {
    /// What it pointed to before; none of a new ref.
    pub(crate) fn before(&self) -> Option<&str> {
        Some(self.old.as_str()).filter(|hash| !is_zero(hash))
    }

    /// What it points to now; none of a deleted ref.
    pub(crate) fn after(&self) -> Option<&str> {
        Some(self.new.as_str()).filter(|hash| !is_zero(hash))
    }

    /// The name of the branch or the tag.
    pub(crate) fn short(&self) -> &[u8] {
        let prefix = match self.kind {
            Kind::Branch => HEADS,
            Kind::Tag => TAGS,
            Kind::Other => b"",
        };
        self.name.strip_prefix(prefix).unwrap_or(&self.name)
    }
}

/// The lines of standard input.
///
/// # Errors
/// When a line is none: nothing of it becomes an argument, and only hashes are passed on.
pub(crate) fn parse(input: &[u8]) -> Result<Vec<Update>, String> {
    let lines = input.split(|&byte| byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let update = |(index, line): (usize, &[u8])| {
        parse_line(line).ok_or_else(|| {
            let shown: String = text(line).chars().filter(|character| !character.is_control()).take(200).collect();
            format!(
                "standard input, line {}: `{shown}`, expected `OLD NEW REF` with two hashes and the full name of a ref, \
                 as git passes them to the hook `post-receive`",
                index + 1
            )
        })
    };
    lines.map(update).collect()
}

fn parse_line(line: &[u8]) -> Option<Update> {
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    let (old, new) = (hash(parts.next()?)?, hash(parts.next()?)?);
    let name = parts.next()?;
    let is_safe = !name.split(|&byte| byte == b'/').any(|part| part.is_empty() || part == b".." || part == b".");
    if old.len() != new.len() || !is_safe || !name.starts_with(b"refs/") {
        return None;
    }
    let kind = match name {
        _ if name.starts_with(HEADS) => Kind::Branch,
        _ if name.starts_with(TAGS) => Kind::Tag,
        _ => Kind::Other,
    };
    Some(Update { old, new, name: name.to_owned(), kind, line: line.to_owned() })
}

/// A hash of SHA-1 or SHA-256, in lower case.
pub(crate) fn hash(bytes: &[u8]) -> Option<String> {
    let is_hash = matches!(bytes.len(), 40 | 64) && bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hash.then(|| text(bytes))
}

fn is_zero(hash: &str) -> bool {
    hash.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_branches_tags_and_others_of_both_hashes() {
        for length in [40, 64] {
            let (zero, one) = ("0".repeat(length), "1".repeat(length));
            let input = format!("{zero} {one} refs/heads/a b\n{one} {zero} refs/tags/v1\n{one} {one} refs/notes/x\n");
            let updates = parse(input.as_bytes()).unwrap();
            let of_each: Vec<_> = updates.iter().map(|update| (update.kind, update.before(), update.after())).collect();
            let one = Some(one.as_str());
            assert_eq!(of_each, [(Kind::Branch, None, one), (Kind::Tag, one, None), (Kind::Other, one, one)]);
            assert_eq!((updates[0].short(), updates[1].short()), (&b"a b"[..], &b"v1"[..]));
        }
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn rejects_everything_else() {
        let one = "1".repeat(40);
        for line in [
            "x",
            &one,
            &format!("{one} {one}"),
            &format!("{one} {one} "),
            &format!("{one} {one} main"),
            &format!("{one} {one} refs/heads/../../../etc/passwd"),
            &format!("{one} {one} refs//x"),
            &format!("{one} {} refs/heads/x", "1".repeat(64)),
            &format!("--all {one} refs/heads/x"),
            &format!("{} {one} refs/heads/x", "G".repeat(40)),
        ] {
            let error = parse(format!("{one} {one} refs/heads/x\n{line}\n").as_bytes()).unwrap_err();
            assert!(
                error.starts_with("standard input, line 2: `") && error.contains("expected `OLD NEW REF`"),
                "{error}"
            );
        }
    }
}
