//! What forges say in git's own terms: refs, object ids, files of a commit.

use std::borrow::Cow;
use std::fmt;

use crate::{Refusal, View};

/// The kind of ref that a push may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    /// `refs/heads/…`
    Branch,
    /// `refs/tags/…`
    Tag,
}

impl RefKind {
    /// The kind of this name: `branch` or `tag`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "branch" => Some(RefKind::Branch),
            "tag" => Some(RefKind::Tag),
            _ => None,
        }
    }

    /// The full ref of the branch or tag of this name: `refs/heads/NAME`.
    pub fn full(self, name: &str) -> String {
        format!("{}{name}", self.prefix())
    }

    fn prefix(self) -> &'static str {
        match self {
            RefKind::Branch => "refs/heads/",
            RefKind::Tag => "refs/tags/",
        }
    }
}

impl fmt::Display for RefKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefKind::Branch => "branch",
            RefKind::Tag => "tag",
        })
    }
}

/// A branch or a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GitRef<'r> {
    /// Which of both.
    pub kind: RefKind,
    /// Its name without `refs/…/`; neither empty nor of several lines.
    pub name: &'r str,
}

impl<'r> GitRef<'r> {
    /// The branch or tag that a full ref names; `None` for other refs.
    pub fn parse(full: &'r str) -> Option<Self> {
        let name_of = |kind: RefKind| full.strip_prefix(kind.prefix()).map(|name| Self { kind, name });
        let found = name_of(RefKind::Branch).or_else(|| name_of(RefKind::Tag))?;
        (!found.name.is_empty() && !found.name.contains('\n')).then_some(found)
    }
}

impl fmt::Display for GitRef<'_> {
    /// As messages name it: `` branch `main` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// Whether an object id is git's way to say that there is no object: zeros only.
pub fn is_zero_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte == b'0')
}

/// The files of a commit that lists them under `added`, `modified` and `removed`, as GitHub, GitLab and their kin do.
///
/// # Errors
/// As [`View::maybe_texts`].
pub fn changed_files(commit: &View<'_>) -> Result<Vec<String>, Refusal> {
    let mut files = Vec::new();
    for kind in ["added", "modified", "removed"] {
        files.extend(commit.maybe_texts(kind)?.into_iter().map(Cow::into_owned));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_refs_of_branches_and_tags() {
        for (full, expected) in [
            ("refs/heads/main", Some("branch `main`")),
            ("refs/heads/a/b", Some("branch `a/b`")),
            ("refs/tags/v1", Some("tag `v1`")),
            ("refs/heads/", None),
            ("refs/heads/a\n", None),
            ("refs/pull/1/head", None),
            ("main", None),
            ("", None),
        ] {
            let found = GitRef::parse(full);
            assert_eq!(found.map(|found| found.to_string()).as_deref(), expected, "{full}");
            assert!(found.is_none_or(|found| found.kind.full(found.name) == full), "{full}");
        }
    }

    #[test]
    fn no_object_is_zeros_alone() {
        assert!(is_zero_id("0000000000000000000000000000000000000000") && is_zero_id("0"));
        assert!(!is_zero_id("") && !is_zero_id("00a0"));
    }

    #[test]
    fn files_are_those_that_were_added_modified_or_removed() {
        let files = |text: &str| View::read(text.as_bytes(), |commit| changed_files(&commit));
        assert_eq!(
            files(r#"{"removed": ["c"], "added": ["a"], "modified": ["b", "d"]}"#).unwrap(),
            ["a", "b", "d", "c"]
        );
        assert!(files("{}").unwrap().is_empty());
        assert_eq!(files(r#"{"added": null, "modified": ["b", 5], "removed": {}}"#).unwrap(), ["b"]);
    }
}
