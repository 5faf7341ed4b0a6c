//! What the changes of every event have in common.

use hookd_core::{Change, Outcome, Refusal, View};

use crate::hook::{BitbucketCloud, Event};

impl BitbucketCloud {
    /// What every change of an event has: repository, project, codebase and `src`.
    pub(crate) fn change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let payload = &event.payload;
        let project = match event.arguments.project()? {
            Some(project) => project,
            None => payload.maybe("repository.project.name")?.unwrap_or("none"),
        };
        let src = payload.maybe("repository.scm")?.unwrap_or("git");
        let repository = match payload.maybe("repository.links.html.href")? {
            None if payload.get("repository.links.self").is_some() => payload.text("repository.links.self.href")?,
            None => payload.text("repository.links.html.href")?,
            Some(page) => page,
        };
        Ok(Change {
            codebase: self.codebase_of(event, repository)?,
            project: project.to_owned(),
            repository: repository.to_owned(),
            src: Some(src.to_owned()),
            ..Change::default()
        })
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

/// `display_name <nickname>` of whoever did it; neither is always there.
pub(crate) fn actor(payload: &View<'_>) -> Result<String, Refusal> {
    Ok(payload.person("actor.display_name", "actor.nickname")?.unwrap_or_default())
}

/// The comments of a commit whose message is unknown, or does not matter.
pub(crate) fn commit_heading(revision: &str) -> String {
    format!("Bitbucket Cloud commit {revision}")
}

/// How the comments of a pull request begin.
pub(crate) fn pull_request_heading(number: impl std::fmt::Display) -> String {
    format!("Bitbucket Cloud Pull Request #{number}")
}
