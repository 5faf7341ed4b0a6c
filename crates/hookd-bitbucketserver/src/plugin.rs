//! The shape of the plugin bitbucket-webhooks, for which Buildbot's hook was written.

use hookd_core::{Change, Json, Outcome, PullRequestStage, RefKind, Refusal, View, person, pull_request_comments};

use crate::change::{commit_heading, pull_request_heading};
use crate::hook::{BitbucketServer, Event};

impl BitbucketServer {
    /// The changes of a push: one for each branch or tag.
    pub(crate) fn plugin_push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let updates = event.payload.list("push.changes")?;
        if updates.is_empty() {
            return Ok(no_update());
        }
        let base = Change { author: author(&event.payload)?, ..self.plugin_base(event)? };
        let slash = if base.repository.ends_with('/') { "" } else { "/" };
        let pages = format!("{}{slash}", base.repository);
        let mut changes = event.payload.change_list();
        let mut skipped = None;
        for update in &updates {
            let mut change = updated(update, &base, &pages)?;
            if change.branch.is_none() {
                continue;
            }
            if update.is_truthy("new")
                && let Some(message) = update.maybe_nonempty("new.target.commitMessage")?
            {
                message.clone_into(&mut change.comments);
            }
            match self.skips.outcome(&change.comments).filter(|_| update.is_truthy("new")) {
                Some(outcome) => skipped = Some(outcome),
                None => changes.push(change)?,
            }
        }
        let changes = changes.into_vec();
        Ok(if changes.is_empty() { skipped.unwrap_or_else(no_update) } else { Outcome::Changes(changes) })
    }

    /// The change of a pull request.
    pub(crate) fn plugin_pull_request(&self, event: &Event<'_>, stage: PullRequestStage) -> Result<Outcome, Refusal> {
        let base = Change { author: author(&event.payload)?, ..self.plugin_base(event)? };
        let pull = event.payload.at("pullrequest")?;
        let change = self.plugin_change(&pull, stage, base)?;
        Ok(self.built(Change { comments: pull_request_comments(&change.comments, &pull)?, ..change }))
    }

    /// What every change of an event has: repository, project, codebase and `src`.
    fn plugin_base(&self, event: &Event<'_>) -> Result<Change, Refusal> {
        let link = own_link(&event.payload)?;
        let repository = link.strip_suffix("browse").filter(|repository| repository.ends_with('/')).unwrap_or(link);
        let base = self.change(event, &event.payload.at("repository")?)?;
        Ok(Change { repository: repository.to_owned(), codebase: self.codebase_of(event, repository)?, ..base })
    }

    /// The change of a pull request, with its heading as comments.
    pub(crate) fn plugin_change(
        &self,
        pull: &View<'_>,
        stage: PullRequestStage,
        base: Change,
    ) -> Result<Change, Refusal> {
        let number = pull.python_int("id")?;
        let branch = match stage {
            PullRequestStage::Created | PullRequestStage::Updated => format!("refs/pull-requests/{number}/merge"),
            PullRequestStage::Fulfilled => format!("refs/heads/{}", pull.shown("toRef.branch.name")?),
            PullRequestStage::Rejected => format!("refs/heads/{}", pull.shown("fromRef.branch.name")?),
        };
        let mut properties = self.whitelist.extract("bitbucket", pull.json())?;
        properties.insert("pullrequesturl".to_owned(), pull.maybe_value("link")?);
        Ok(Change {
            branch: Some(branch),
            category: Some(stage.category().to_owned()),
            comments: pull_request_heading(&number),
            properties,
            revision: pull.nullable_text("fromRef.commit.hash")?.map(str::to_owned),
            revlink: pull.maybe("link")?.map(str::to_owned),
            ..base
        })
    }
}

/// The change of one branch or tag, whose revision has its page under `pages`.
pub(crate) fn updated(update: &View<'_>, base: &Change, pages: &str) -> Result<Change, Refusal> {
    let is_deleted = !update.need("new")?.is_truthy();
    let state = update.at(if is_deleted { "old" } else { "new" })?;
    let revision = state.shown("target.hash")?;
    Ok(Change {
        branch: branch_of(&state)?,
        category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
        comments: commit_heading(&revision),
        revision: state.nullable_text("target.hash")?.map(str::to_owned),
        revlink: Some(format!("{pages}commits/{revision}")),
        ..base.clone()
    })
}

/// The outcome of a push that updates nothing.
pub(crate) fn no_update() -> Outcome {
    Outcome::ignored("the push changes neither a branch nor a tag")
}

/// The link of the repository to itself.
pub(crate) fn own_link<'p>(payload: &View<'p>) -> Result<&'p str, Refusal> {
    let links = payload.list("repository.links.self")?;
    links.first().ok_or_else(|| Refusal::new("`repository.links.self[0]` is missing"))?.text("href")
}

fn author(payload: &View<'_>) -> Result<String, Refusal> {
    let username = payload.maybe_nonempty("actor.username")?;
    let address = payload.maybe("actor.emailAddress")?;
    Ok(person(payload.maybe("actor.displayName")?, username.or(address)).unwrap_or_default())
}

/// The full ref of a branch or tag; `None` for other types.
fn branch_of(state: &View<'_>) -> Result<Option<String>, Refusal> {
    let kind = match state.need("type")? {
        Json::Text(kind) => RefKind::parse(kind),
        _ => None,
    };
    kind.map(|kind| Ok(kind.full(&state.shown("name")?))).transpose()
}
