//! The XML of `svn info` and `svn log`.

use roxmltree::{Document, Node, ParsingOptions};

/// What `svn info` says of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    /// The URL of its root.
    pub(crate) root: String,
    /// What identifies it, wherever it is moved.
    pub(crate) uuid: String,
    /// Its newest revision.
    pub(crate) youngest: u64,
    /// The newest revision that touched what is polled.
    pub(crate) changed: u64,
    /// The path of what is polled, without slashes at its ends.
    pub(crate) path: String,
}

/// One revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) revision: u64,
    pub(crate) author: Option<String>,
    /// In seconds since 1970.
    pub(crate) date: Option<i64>,
    pub(crate) message: Option<String>,
    pub(crate) paths: Vec<Touched>,
}

/// A path that a revision touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    /// From the root of the repository, without slashes at its ends.
    pub(crate) path: String,
    pub(crate) action: Action,
    pub(crate) is_folder: bool,
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Added,
    Deleted,
    Replaced,
    Modified,
}

impl Info {
    /// Reads the answer of `svn info --xml` for one URL.
    pub(crate) fn parse(xml: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(xml);
        let document = document(&text)?;
        let find = |name: &str| document.descendants().find(|node| node.has_tag_name(name));
        let missing = |what: &str| format!("the answer of `svn info` has no {what}");
        let text_of = |name: &str| Some(find(name)?.text().unwrap_or_default().trim().to_owned());
        let revision_of = |name: &str| find(name)?.attribute("revision")?.parse().ok();
        let (root, url) =
            (text_of("root").ok_or_else(|| missing("root"))?, text_of("url").ok_or_else(|| missing("URL"))?);
        let path = url.strip_prefix(root.as_str()).ok_or_else(|| format!("`{url}` is not below its root `{root}`"))?;
        let path = percent_encoding::percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().into_owned();
        Ok(Self {
            uuid: text_of("uuid").filter(|uuid| !uuid.is_empty()).ok_or_else(|| missing("UUID"))?,
            youngest: revision_of("entry").ok_or_else(|| missing("revision"))?,
            changed: revision_of("commit").ok_or_else(|| missing("last changed revision"))?,
            root,
            path,
        })
    }
}

/// Reads the answer of `svn log --xml --verbose`.
pub(crate) fn parse(xml: &[u8]) -> Result<Vec<Entry>, String> {
    let text = String::from_utf8_lossy(xml);
    let document = document(&text)?;
    document.root_element().children().filter(|node| node.has_tag_name("logentry")).map(entry).collect()
}

fn document(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| format!("the answer of svn is no XML: {error}"))
}

fn entry(node: Node<'_, '_>) -> Result<Entry, String> {
    let revision = node.attribute("revision").and_then(|revision| revision.parse().ok());
    let revision = revision.ok_or("a revision in the log has no number")?;
    let text_of = |name: &str| {
        let node = node.children().find(|child| child.has_tag_name(name))?;
        Some(text(node))
    };
    let paths = node.children().find(|child| child.has_tag_name("paths"));
    let paths = paths.into_iter().flat_map(|paths| paths.children()).filter(|child| child.has_tag_name("path"));
    Ok(Entry {
        revision,
        author: text_of("author"),
        date: text_of("date").and_then(|date| Some(date.trim().parse::<jiff::Timestamp>().ok()?.as_second())),
        message: text_of("msg"),
        paths: paths.map(touched).collect(),
    })
}

fn touched(node: Node<'_, '_>) -> Touched {
    let action = match node.attribute("action") {
        Some("A") => Action::Added,
        Some("D") => Action::Deleted,
        Some("R") => Action::Replaced,
        _ => Action::Modified,
    };
    let is_folder = match node.attribute("kind") {
        Some("dir") => true,
        Some("file") => false,
        // A server before 1.6 does not say. What is copied or deleted as a whole is mostly a folder.
        _ => action == Action::Deleted || node.has_attribute("copyfrom-path"),
    };
    Touched { path: text(node).trim_matches('/').to_owned(), action, is_folder }
}

fn text(node: Node<'_, '_>) -> String {
    node.descendants().filter_map(|node| node.is_text().then(|| node.text()).flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_polled() {
        let xml = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<info>\n<entry\n   path=\"b x\"\n   revision=\"5\"\n   kind=\"dir\">\n\
            <url>file:///r/branches/b%20x%C3%BC</url>\n<relative-url>^/branches/b%20x</relative-url>\n<repository>\n\
            <root>file:///r</root>\n<uuid>44d6e4e7</uuid>\n</repository>\n<commit\n   revision=\"3\">\n</commit>\n</entry>\n</info>";
        let expected = Info {
            root: "file:///r".to_owned(),
            uuid: "44d6e4e7".to_owned(),
            youngest: 5,
            changed: 3,
            path: "branches/b x\u{fc}".to_owned(),
        };
        assert_eq!(Info::parse(xml), Ok(expected));
        assert_eq!(Info::parse(b"<info></info>"), Err("the answer of `svn info` has no root".to_owned()));
        assert!(Info::parse(b"<info>").unwrap_err().starts_with("the answer of svn is no XML: "));
    }

    #[test]
    fn reads_revisions_with_what_is_missing() {
        let xml = "<log>\n<logentry\n   revision=\"7\">\n<paths>\n<path\n   action=\"D\">/a</path>\n\
            <path action=\"A\" kind=\"dir\" copyfrom-path=\"/a\" copyfrom-rev=\"6\">/b</path>\n\
            <path action=\"M\" kind=\"\">/c &amp; d</path></paths>\n</logentry>\n\
            <logentry revision=\"8\"><author>J\u{fc}rgen</author><date>2023-11-14T22:13:20.123456Z</date><msg>a\n&lt;b&gt;\n</msg></logentry>\
            <logentry revision=\"9\"><author></author><date>yesterday</date><msg/></logentry></log>";
        let entries = parse(xml.as_bytes()).unwrap();
        let touched = |path: &str, action, is_folder| Touched { path: path.to_owned(), action, is_folder };
        let paths = vec![
            touched("a", Action::Deleted, true),
            touched("b", Action::Added, true),
            touched("c & d", Action::Modified, false),
        ];
        let none = Entry { revision: 7, author: None, date: None, message: None, paths };
        assert_eq!(entries[0], none);
        let full = Entry {
            revision: 8,
            author: Some("J\u{fc}rgen".to_owned()),
            date: Some(1_700_000_000),
            message: Some("a\n<b>\n".to_owned()),
            paths: Vec::new(),
        };
        assert_eq!(entries[1], full);
        assert_eq!(
            (entries[2].author.as_deref(), entries[2].date, entries[2].message.as_deref()),
            (Some(""), None, Some(""))
        );
        assert_eq!(parse(b"<log></log>"), Ok(Vec::new()));
        assert!(parse(b"<log><logentry/></log>").is_err());
    }
}
