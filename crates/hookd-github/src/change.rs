//! What the changes of every event have in common.

use hookd_core::{Change, Refusal};

use crate::class::Event;
use crate::hook::GitHub;

impl GitHub {
    /// What every change of an event has: repository, codebase and `src`.
    pub(crate) fn change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let repository = event.payload.text("repository.html_url")?;
        Ok(Change {
            repository: repository.to_owned(),
            codebase: event.arguments.codebase(self.options.codebase.as_ref(), event.payload.json(), repository)?,
            src: Some("git".to_owned()),
            ..Change::default()
        })
    }

    /// The project: the argument, or the full name of a repository at `path`.
    pub(crate) fn project<'e>(&self, event: &Event<'e>, path: &str) -> Result<&'e str, Refusal> {
        match event.arguments.project()? {
            Some(project) => Ok(project),
            // Without `compat`, that of a pull request's target may be missing.
            None => match event.payload.maybe_text(path)? {
                Some(project) => Ok(project),
                None => event.payload.text("repository.full_name"),
            },
        }
    }
}

/// The page of a commit.
pub(crate) fn commit_page(repository: &str, revision: &str) -> String {
    format!("{}/commit/{revision}", repository.trim_end_matches('/'))
}
