//! The mode `reconcile`: which new commits the webhooks have not brought.
//!
//! A commit is brought when the log has a change of its revision, in this repository and on this branch. A ref that has
//! others is left where it is for a grace period, from the poll that first saw its head; what is still missing then, up to
//! that head, is reported. A position that begins with `since:` is that moment, and the head.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hookd_core::{Change, Glob};
use hookd_store::{ChangeField, Operator, Query, SharedStore, Timestamp, Value};

use super::command::Failure;
use super::listing::branch;

/// Parts of paths that forges put between the host and the name of a repository, or after it.
const NO_NAMES: [&str; 5] = ["scm", "projects", "repos", "browse", "git"];

/// How many revisions are looked up at a time.
const REVISIONS_AT_A_TIME: usize = 100;

/// The key of the position that says since when the ref of this key is ahead.
pub(crate) fn since_key(key: &str) -> String {
    format!("since:{key}")
}

/// Since when a ref is ahead of its position, and the head that it had then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) at: Timestamp,
    pub(crate) head: String,
}

impl Since {
    /// What is stored for the ref of this key.
    pub(crate) fn read(positions: &BTreeMap<String, String>, key: &str) -> Option<Self> {
        let (at, head) = positions.get(&since_key(key))?.split_once(' ')?;
        Some(Self { at: Timestamp::from_micros(at.parse().ok()?), head: head.to_owned() })
    }

    /// As it is stored.
    pub(crate) fn to_position(&self) -> String {
        format!("{} {}", self.at.as_micros(), self.head)
    }
}

/// How commits are looked for in the log.
#[derive(Debug)]
pub(crate) struct Reconcile {
    pub(crate) grace: Duration,
    repository: Arc<Repository>,
}

/// Which `repository` of a change is this one.
#[derive(Debug)]
enum Repository {
    Pattern(Glob),
    Name(Vec<String>),
}

impl Reconcile {
    pub(crate) fn new(grace: Duration, pattern: Option<Glob>, address: &str) -> Self {
        let repository = pattern.map_or_else(|| Repository::Name(name(address)), Repository::Pattern);
        Self { grace, repository: Arc::new(repository) }
    }

    /// Whether a change is of the repository whose webhooks are looked after.
    pub(crate) fn awaits(&self, change: &Change) -> bool {
        change.revision.is_some() && self.repository.is_of(change)
    }

    /// Those of these revisions that the log has, on the ref of this key.
    pub(crate) async fn brought(
        &self,
        store: &SharedStore,
        key: &str,
        revisions: Vec<String>,
    ) -> Result<HashSet<String>, Failure> {
        let (store, repository, branch) = (Arc::clone(store), Arc::clone(&self.repository), branch(key));
        let found = tokio::task::spawn_blocking(move || {
            let mut found = HashSet::new();
            for some in revisions.chunks(REVISIONS_AT_A_TIME) {
                let values = some.iter().map(|revision| Value::Text(revision.clone()));
                let query = Query::default().filter_any(ChangeField::Revision, Operator::Eq, values);
                for record in store.reader().changes(&query)?.rows {
                    if is_on(&record.change, &branch) && repository.is_of(&record.change) {
                        found.extend(record.change.revision);
                    }
                }
            }
            Ok::<_, hookd_store::StoreError>(found)
        });
        match found.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(Failure::Other(format!("the log cannot be read: {error}"))),
            Err(error) => Err(Failure::Other(format!("the log cannot be read: {error}"))),
        }
    }
}

/// Whether a change is of this branch. Forges leave out `refs/tags/`; a change without a branch is of any.
fn is_on(change: &Change, branch: &str) -> bool {
    let short = branch.strip_prefix("refs/tags/").unwrap_or(branch);
    change.branch.as_deref().is_none_or(|of| {
        let of_short = of.strip_prefix("refs/heads/").or_else(|| of.strip_prefix("refs/tags/")).unwrap_or(of);
        of_short == short
    })
}

impl Repository {
    fn is_of(&self, change: &Change) -> bool {
        match self {
            Self::Pattern(glob) => glob.matches(&change.repository),
            Self::Name(own) => {
                let other = name(&change.repository);
                // Of one that has a single part, that one counts.
                let parts = own.len().min(other.len());
                parts > 0 && own[own.len() - parts..] == other[other.len() - parts..]
            }
        }
    }
}

/// The last two parts of the path of an address, in lower case.
fn name(address: &str) -> Vec<String> {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address.rsplit_once(':').map_or(address, |(_, path)| path),
    };
    let path = path.split(['?', '#']).next().unwrap_or_default().to_lowercase();
    let parts = path.split('/').map(|part| part.strip_suffix(".git").unwrap_or(part));
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty() && !NO_NAMES.contains(part)).collect();
    parts[parts.len().saturating_sub(2)..].iter().map(|part| (*part).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_many_addresses() {
        let reconcile = Reconcile::new(Duration::ZERO, None, "ssh://git@ssh.example.org:7999/Acme/tea.git");
        let is_of = |repository: &str| {
            reconcile.repository.is_of(&Change { repository: repository.to_owned(), ..Change::default() })
        };
        for same in [
            "https://example.org/acme/tea",
            "https://example.org/acme/tea.git",
            "git@example.org:acme/tea.git",
            "https://example.org/scm/acme/tea.git",
            "https://example.org/projects/ACME/repos/tea/browse",
            "https://example.org/acme/tea/",
            "tea",
        ] {
            assert!(is_of(same), "{same}");
        }
        for other in ["https://example.org/me/tea", "https://example.org/acme/teapot", ""] {
            assert!(!is_of(other), "{other}");
        }
        let pattern = Some(Glob::new("https://*/tea").unwrap());
        let reconcile = Reconcile::new(Duration::ZERO, pattern, "/srv/tea.git");
        let change = |repository: &str| Change { repository: repository.to_owned(), ..Change::default() };
        assert!(reconcile.repository.is_of(&change("https://example.org/x/tea")));
        assert!(!reconcile.repository.is_of(&change("/srv/tea.git")));
    }

    #[test]
    fn a_branch_is_the_one_that_webhooks_name() {
        let is_on =
            |of: Option<&str>, branch| is_on(&Change { branch: of.map(str::to_owned), ..Change::default() }, branch);
        assert!(is_on(Some("main"), "main") && is_on(Some("refs/heads/main"), "main") && is_on(None, "main"));
        assert!(is_on(Some("v1"), "refs/tags/v1"));
        assert!(!is_on(Some("mainline"), "main"));
    }
}
