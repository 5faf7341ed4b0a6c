//! The change: what every dialect makes and every sink delivers, in Buildbot's words.

use serde::{Deserialize, Serialize};

use crate::{Properties, revlink};

/// One change, with the fields and meanings of Buildbot's `addChange`.
///
/// `Default` gives the values that Buildbot stores for what is missing: empty texts, no files, no properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    /// Who wrote it, mostly as `name <email>`.
    pub author: String,
    /// The branch; `None` is the default branch of the repository.
    pub branch: Option<String>,
    /// What kind of change it is, such as `tag` or `pull`; schedulers filter on it.
    pub category: Option<String>,
    /// The codebase that the repository stands for.
    pub codebase: String,
    /// The commit message.
    pub comments: String,
    /// Who committed it, where the forge says so.
    pub committer: Option<String>,
    /// Paths of the files that were touched.
    pub files: Vec<String>,
    /// The project that the change belongs to.
    pub project: String,
    /// Build properties by name, with any JSON value.
    pub properties: Properties,
    /// Where to fetch it from.
    pub repository: String,
    /// The revision (a commit's hash, a Subversion revision number …).
    pub revision: Option<String>,
    /// A page where a person can look at the revision.
    pub revlink: Option<String>,
    /// The kind of version control system, such as `git`; `None` where the dialect does not know.
    pub src: Option<String>,
    /// When it was made, in whole seconds since 1970 (UTC); `None` is the moment of receipt.
    pub when_timestamp: Option<i64>,
}

impl Change {
    /// Fills an empty `revlink` for the hosts that Buildbot's `revlinks.py` knows.
    ///
    /// As there: only when revision and repository are there, and to an empty text where no host matches.
    pub fn fill_revlink(&mut self) {
        if self.revlink.as_deref().is_some_and(|link| !link.is_empty()) || self.repository.is_empty() {
            return;
        }
        if let Some(revision) = self.revision.as_deref().filter(|revision| !revision.is_empty()) {
            self.revlink = Some(revlink::find(revision, &self.repository).unwrap_or_default());
        }
    }
}

/// `name <email>`, or the part of it that there is; `None` where there is none. Empty texts count as not there.
pub fn person(name: Option<&str>, email: Option<&str>) -> Option<String> {
    match (name.filter(|name| !name.is_empty()), email.filter(|email| !email.is_empty())) {
        (Some(name), Some(email)) => Some([name, " <", email, ">"].concat()),
        (Some(name), None) => Some(name.to_owned()),
        (None, Some(email)) => Some(format!("<{email}>")),
        (None, None) => None,
    }
}
