//! What only `compat = "buildbot"` does: the changes of Buildbot's `bitbucketcloud` hook, omissions included.

use hookd_core::{Change, Json, Outcome, PullRequestStage, RefKind, Refusal, View};

use crate::change::{actor, commit_heading};
use crate::hook::{BitbucketCloud, Event};

impl BitbucketCloud {
    /// The changes of a push: one for each branch or tag, without its commits.
    pub(crate) fn buildbot_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let updates = payload.list("push.changes")?;
        if updates.is_empty() {
            return Ok(Outcome::ignored("the push has no changes"));
        }
        let base = Change { author: actor(payload)?, ..self.buildbot_change(event)? };
        let pages = payload.python_str("repository.links.html.href")?;
        payload.collect_changes(updates.iter().map(|update| updated(update, &base, &pages))).map(Outcome::Changes)
    }

    /// The change of a pull request, which has neither title nor description.
    pub(crate) fn buildbot_pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let base = self.buildbot_change(event)?;
        let pull = event.payload.at("pullrequest")?;
        Ok(self.built(self.plugin_change(&event.payload, &pull, stage, base)?))
    }

    /// What every change of an event has: repository, project, codebase and `src`.
    fn buildbot_change(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let payload = &event.payload;
        let project = match payload.get("repository.project") {
            None => "none",
            Some(_) => payload.text("repository.project.name")?,
        };
        // An address of the API; Buildbot's users filter by it.
        let repository = payload.text("repository.links.self.href")?;
        Ok(Change {
            codebase: self.codebase_of(event, repository)?,
            project: project.to_owned(),
            src: payload.nullable_text("repository.scm")?.map(str::to_owned),
            repository: repository.to_owned(),
            ..Change::default()
        })
    }
}

/// The change of one branch or tag.
fn updated(update: &View<'_>, base: &Change, pages: &str) -> Result<Change, Refusal> {
    let is_deleted = !update.need("new")?.is_truthy();
    let state = update.at(if is_deleted { "old" } else { "new" })?;
    let revision = state.python_str("target.hash")?;
    Ok(Change {
        branch: branch_of(&state)?,
        category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
        comments: commit_heading(&revision),
        revision: state.nullable_text("target.hash")?.map(str::to_owned),
        revlink: Some(format!("{pages}/commits/{revision}")),
        ..base.clone()
    })
}

/// The full ref of a branch or tag; `None` for other types.
fn branch_of(state: &View<'_>) -> Result<Option<String>, Refusal> {
    let kind = match state.need("type")? {
        Json::Text(kind) => RefKind::parse(kind),
        _ => None,
    };
    kind.map(|kind| Ok(kind.full(&state.python_str("name")?))).transpose()
}
