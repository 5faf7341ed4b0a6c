//! What only `compat = "buildbot"` does: what Buildbot's `bitbucket` hook asks of a push, and where it links to.

use hookd_core::{Refusal, View};

/// Checks that each commit has a `node`, which Buildbot logs and does nothing else with.
pub(crate) fn require_nodes(commits: &[View<'_>]) -> Result<(), Refusal> {
    commits.iter().try_for_each(|commit| commit.need("node").map(|_| ()))
}

/// Where the pages of a repository are: Buildbot relies on a slash at the end of its address.
pub(crate) fn pages(repository: &str) -> String {
    repository.to_owned()
}

/// The branch of each commit, as it says itself.
pub(crate) fn branches<'p>(commits: &[View<'p>]) -> Result<Vec<Option<&'p str>>, Refusal> {
    commits.iter().map(|commit| commit.maybe("branch")).collect()
}
