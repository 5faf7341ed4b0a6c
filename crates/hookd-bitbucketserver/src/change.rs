//! What the changes of every event have in common.

use hookd_core::{Change, Outcome, Refusal, View};

use crate::hook::{BitbucketServer, Event};

impl BitbucketServer {
    /// What every change of an event has besides its repository and codebase: project and `src`, from `repository` and the
    /// arguments of the URL.
    pub(crate) fn change(&self, event: &Event<'_>, repository: &View<'_>) -> Result<Change, Refusal> {
        let project = match event.arguments.project()? {
            Some(project) => Some(project),
            None => repository.maybe_nonempty("project.name")?,
        };
        let project = project.map_or_else(|| repository.maybe("project.key"), |project| Ok(Some(project)))?;
        let src = repository.maybe("scmId")?.unwrap_or("git");
        Ok(Change { project: project.unwrap_or_default().to_owned(), src: Some(src.to_owned()), ..Change::default() })
    }

    /// The codebase of a change of this repository.
    pub(crate) fn codebase_of(&self, event: &Event<'_>, repository: &str) -> Result<String, Refusal> {
        event.arguments.codebase(self.codebase.as_ref(), event.payload.json(), repository)
    }

    /// The outcome of this change of a pull request, unless it asks not to be built.
    pub(crate) fn built(&self, change: Change) -> Outcome {
        self.skips.outcome(&change.comments).unwrap_or_else(|| Outcome::Changes(vec![change]))
    }
}

/// The comments of a commit whose message is unknown, or does not matter.
pub(crate) fn commit_heading(revision: &str) -> String {
    format!("Bitbucket Server commit {revision}")
}

/// How the comments of a pull request begin.
pub(crate) fn pull_request_heading(number: impl std::fmt::Display) -> String {
    format!("Bitbucket Server Pull Request #{number}")
}
