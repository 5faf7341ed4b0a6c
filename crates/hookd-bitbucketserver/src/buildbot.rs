//! What only `compat = "buildbot"` does: the changes of Buildbot's `bitbucketserver` hook, omissions included.

use hookd_core::{Change, Outcome, PullRequestStage, Refusal};

use crate::hook::{BitbucketServer, Event};
use crate::plugin::{no_update, own_link, updated};

impl BitbucketServer {
    /// The changes of a push: one for each branch, tag, or what else the plugin names.
    pub(crate) fn buildbot_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let updates = event.payload.list("push.changes")?;
        if updates.is_empty() {
            return Ok(no_update());
        }
        let base = self.buildbot_base(event)?;
        // Buildbot relies on the slash that it left there.
        let changes = updates.iter().map(|update| updated(update, &base, &base.repository));
        event.payload.collect_changes(changes).map(Outcome::Changes)
    }

    /// The change of a pull request, which has neither title nor description.
    pub(crate) fn buildbot_pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let base = self.buildbot_base(event)?;
        Ok(self.built(self.plugin_change(&event.payload.at("pullrequest")?, stage, base)?))
    }

    /// What every change of an event has: author, repository, project, codebase and `src`.
    fn buildbot_base(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let payload = &event.payload;
        // Meant to take away the word `browse`, it takes away its letters, whatever their order.
        let repository = own_link(payload)?.trim_end_matches(['b', 'r', 'o', 'w', 's', 'e']);
        Ok(Change {
            repository: repository.to_owned(),
            project: payload.text("repository.project.name")?.to_owned(),
            src: payload.nullable_text("repository.scmId")?.map(str::to_owned),
            author: payload.person("actor.displayName", "actor.username")?.unwrap_or_default(),
            codebase: self.codebase_of(event, repository)?,
            ..Change::default()
        })
    }
}
