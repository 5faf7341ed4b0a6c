//! Merge groups: what a merge queue is about to merge, and waits for the checks of.
//!
//! GitHub reports each twice: with the push of the queue's branch and with the event `merge_group`. One of them makes
//! the change, as the option `merge_queue` says. The skip patterns count for neither: GitHub would wait for a check that
//! never comes.

use hookd_core::{Change, GitRef, Json, Outcome, RefKind, Refusal, View};

use crate::change::commit_page;
use crate::class::Event;
use crate::hook::GitHub;
use crate::options::MergeQueue;
use crate::push::{commit_change, headless};

const CATEGORY: &str = "merge_group";

/// The branch that a merge queue made for a group: `gh-readonly-queue/BASE/pr-NUMBER-SHA`.
pub(crate) struct Queue<'r> {
    branch: GitRef<'r>,
    /// The branch that the group is to be merged into.
    base: &'r str,
}

impl<'r> Queue<'r> {
    /// The queue's branch that was pushed; `None` where that is another branch, or a tag.
    pub(crate) fn of(pushed: GitRef<'r>) -> Option<Self> {
        let group = pushed.name.strip_prefix("gh-readonly-queue/").filter(|_| pushed.kind == RefKind::Branch)?;
        Some(Self { branch: pushed, base: group.rsplit_once('/').map_or("", |(base, _)| base) })
    }
}

impl GitHub {
    /// The change of the push of a queue's branch: its head alone, of which this commit is known, if any.
    pub(crate) fn queue_push(
        &self,
        event: &Event<'_>,
        queue: &Queue<'_>,
        head: Option<View<'_>>,
        base: Change,
    ) -> Result<Outcome, Refusal> {
        if self.options.merge_queue == MergeQueue::MergeGroup {
            let branch = queue.branch;
            return Ok(Outcome::ignored(format!(
                "with `merge_queue = \"merge_group\"`, the event `merge_group` is built and not the push of {branch}"
            )));
        }
        let change = match head {
            Some(head) => commit_change(&head, &base)?,
            None => headless(event, base)?,
        };
        let page = change.revision.as_deref().map(|revision| commit_page(&change.repository, revision));
        let mut change = Change { category: Some(CATEGORY.to_owned()), revlink: change.revlink.or(page), ..change };
        change.properties.insert("basename".to_owned(), queue.base.into());
        Ok(Outcome::Changes(vec![change]))
    }

    /// The change of a merge group whose checks are requested.
    pub(crate) fn merge_group(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        match payload.get("action") {
            Some(Json::Text("checks_requested")) => {}
            Some(Json::Text(other)) => {
                return Ok(Outcome::ignored(format!("merge group action \"{other}\" is not built")));
            }
            _ => return Ok(Outcome::ignored("merge group event without an action is not built")),
        }
        if self.options.merge_queue == MergeQueue::Push {
            return Ok(Outcome::ignored(
                "with `merge_queue = \"push\"`, the push of the merge queue's branch is built and not this event",
            ));
        }
        let group = payload.at("merge_group")?;
        let revision = group.text("head_sha")?;
        let author = match group.person("head_commit.author.name", "head_commit.author.email")? {
            Some(author) => author,
            None => payload.maybe("sender.login")?.unwrap_or_default().to_owned(),
        };
        let mut properties = self.options.github_property_whitelist.extract("github", group.json())?;
        properties.insert("event".to_owned(), event.name.into());
        properties.insert("basename".to_owned(), branch(group.text("base_ref")?).into());
        let base = self.change(event)?;
        Ok(Outcome::Changes(vec![Change {
            author,
            branch: Some(branch(group.text("head_ref")?).to_owned()),
            category: Some(CATEGORY.to_owned()),
            comments: group.maybe("head_commit.message")?.unwrap_or_default().to_owned(),
            committer: group.person("head_commit.committer.name", "head_commit.committer.email")?,
            project: self.project(event, "repository.full_name")?.to_owned(),
            properties,
            revision: Some(revision.to_owned()),
            revlink: Some(commit_page(&base.repository, revision)),
            when_timestamp: group.maybe_date("head_commit.timestamp")?,
            ..base
        }]))
    }
}

fn branch(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").unwrap_or(reference)
}
