//! What `hg log` prints of revisions.

use encoding_rs::Encoding;

use super::names::is_hash;

/// A hash that stands for no revision.
const NULL: &str = "0000000000000000000000000000000000000000";

/// One revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its number in this clone: parents have smaller ones.
    pub(crate) number: u64,
    pub(crate) hash: String,
    pub(crate) parents: Vec<String>,
    pub(crate) branch: String,
    /// In seconds since 1970.
    pub(crate) date: Option<i64>,
    pub(crate) author: String,
    /// In an encoding that only its author knows.
    pub(crate) files: Vec<Vec<u8>>,
    pub(crate) message: String,
}

/// What stands between two fields: a text that nobody can know before, since messages are whatever somebody committed.
pub(crate) struct Separator(String);

impl Separator {
    pub(crate) fn new() -> Self {
        Self(format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)))
    }

    /// The template for `hg log`.
    pub(crate) fn template(&self) -> String {
        let fields = [
            "{rev}",
            "{node}",
            "{p1node}",
            "{p2node}",
            "{branch}",
            "{date|hgdate}",
            "{author}",
            r#"{files % "{file}\x00"}"#,
            "{desc}",
        ];
        fields.iter().map(|field| format!(r"{field}\x00{}\x00", self.0)).collect()
    }

    /// Reads what it printed.
    pub(crate) fn records(&self, printed: &[u8]) -> Result<Vec<Record>, String> {
        let separator = format!("\0{}\0", self.0).into_bytes();
        let mut fields = Vec::new();
        let mut rest = printed;
        while let Some(at) = rest.windows(separator.len()).position(|window| window == separator) {
            fields.push(&rest[..at]);
            rest = &rest[at + separator.len()..];
        }
        if !rest.is_empty() || !fields.len().is_multiple_of(9) {
            return Err("`hg log` printed something unexpected".to_owned());
        }
        fields.chunks_exact(9).map(record).collect()
    }
}

fn record(fields: &[&[u8]]) -> Result<Record, String> {
    let text = |index: usize| String::from_utf8_lossy(fields[index]);
    let unexpected = |what: &str| format!("`hg log` printed an unexpected {what}");
    let hash = text(1).into_owned();
    if !is_hash(&hash) {
        return Err(unexpected("hash"));
    }
    let parents = [text(2), text(3)].into_iter().map(std::borrow::Cow::into_owned);
    Ok(Record {
        number: text(0).parse().map_err(|_| unexpected("number"))?,
        hash,
        parents: parents.filter(|parent| is_hash(parent) && parent != NULL).collect(),
        branch: text(4).into_owned(),
        date: text(5).split(' ').next().and_then(|seconds| seconds.parse().ok()),
        author: text(6).trim().to_owned(),
        files: paths(fields[7]),
        message: text(8).trim().to_owned(),
    })
}

/// The paths of a list in which a NUL ends each.
pub(crate) fn paths(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

/// A path as text.
pub(crate) fn path_text(path: &[u8], encoding: &'static Encoding) -> String {
    encoding.decode_without_bom_handling(path).0.into_owned()
}

/// The option `revlink`: a text with fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevlinkTemplate(String);

impl RevlinkTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// Where it has no `{revision}`, or other braces.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let rest = template.replace("{revision}", "").replace("{branch}", "");
        if !template.contains("{revision}") || rest.contains(['{', '}']) {
            return Err("expected an address with `{revision}` in it, and perhaps `{branch}`".to_owned());
        }
        Ok(Self(template.to_owned()))
    }

    /// The page of a revision.
    pub(crate) fn fill(&self, revision: &str, branch: &str) -> String {
        let branch = percent_encoding::utf8_percent_encode(branch, percent_encoding::NON_ALPHANUMERIC).to_string();
        self.0.replace("{revision}", revision).replace("{branch}", &branch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_asked_for() {
        let separator = Separator::new();
        let mark = format!("\0{}\0", separator.0);
        let hash = |digit: &str| digit.repeat(40);
        let message = "one\0two\n0123456789abcdef0123456789abcdef";
        let fields = [
            "7",
            &hash("a"),
            &hash("b"),
            &hash("0"),
            "default",
            "1700000000 -3600",
            " J\u{fc}rgen ",
            "a b\0c\0",
            message,
        ];
        let mut printed: Vec<u8> = fields.iter().flat_map(|field| format!("{field}{mark}").into_bytes()).collect();
        let expected = Record {
            number: 7,
            hash: hash("a"),
            parents: vec![hash("b")],
            branch: "default".to_owned(),
            date: Some(1_700_000_000),
            author: "J\u{fc}rgen".to_owned(),
            files: vec![b"a b".to_vec(), b"c".to_vec()],
            message: message.to_owned(),
        };
        assert_eq!(separator.records(&printed), Ok(vec![expected]));
        assert_eq!(separator.records(b""), Ok(Vec::new()));
        printed.extend_from_slice(b"x");
        assert!(separator.records(&printed).is_err());
    }

    #[test]
    fn paths_have_an_encoding() {
        let latin = Encoding::for_label(b"latin1").unwrap();
        assert_eq!(path_text(b"\xfc", latin), "\u{fc}");
        assert_eq!(path_text(b"\xfc", encoding_rs::UTF_8), "\u{fffd}");
    }

    #[test]
    fn a_revlink_names_the_revision() {
        let template = RevlinkTemplate::parse("https://hg.example.org/{branch}/{revision}").unwrap();
        assert_eq!(template.fill("c0ffee", "a/b"), "https://hg.example.org/a%2Fb/c0ffee");
        for wrong in ["https://hg.example.org", "{revision} {node}", "{revision}}"] {
            assert!(RevlinkTemplate::parse(wrong).is_err(), "{wrong}");
        }
    }
}
