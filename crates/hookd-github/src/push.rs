//! Pushes to branches and tags.

use hookd_core::{Change, GitRef, Json, Outcome, RefKind, Refusal, View, changed_files, is_zero_id, put_head_last};
use serde_json::Value;

use crate::change::commit_page;
use crate::class::Event;
use crate::hook::GitHub;
use crate::merge_group::Queue;

impl GitHub {
    /// The changes of a push: of a tag the head commit; of a branch all commits, of which the head is the last, or the
    /// head commit where the push brings none (a branch made from another, a reset). A merge queue's branch is built once.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let Some(pushed) = payload.git_ref("ref")? else { return Ok(other_ref(payload.text("ref")?)) };
        if payload.is_truthy("deleted") || payload.optional_text("after")?.is_some_and(is_zero_id) {
            return Ok(deleted(pushed));
        }
        let base = self.push_base(event, pushed)?;
        let head = payload.optional_object("head_commit")?;
        let mut commits = payload.list_or_empty("commits")?;
        if let Some(queue) = Queue::of(pushed) {
            return self.queue_push(event, &queue, head.or(commit_of(payload, &commits)?), base);
        }
        let last = match head {
            Some(head) => Some(head),
            None => commit_of(payload, &commits)?.or(commits.last().copied()),
        };
        let message = last.map(|commit| commit.maybe("message")).transpose()?.flatten();
        if let Some(outcome) = self.options.skips.outcome(message.unwrap_or_default()) {
            return Ok(outcome);
        }
        if pushed.kind == RefKind::Tag || commits.is_empty() {
            commits = head.into_iter().collect();
        }
        let mut changes = payload.collect_changes(commits.iter().map(|commit| commit_change(commit, &base)))?;
        // Of a tag with a message, `after` is the tag itself.
        let revision = match head {
            Some(head) => Some(head.text("id")?),
            None => payload.optional_text("after")?,
        };
        if !revision.is_some_and(|revision| put_head_last(&mut changes, revision)) {
            match head {
                Some(head) => changes.push(commit_change(&head, &base)?),
                None if revision.is_some() || changes.is_empty() => changes.push(headless(event, base)?),
                None => {}
            }
        }
        for change in changes.iter_mut().filter(|change| change.revlink.is_none()) {
            change.revlink = change.revision.as_deref().map(|revision| commit_page(&change.repository, revision));
        }
        Ok(Outcome::Changes(changes))
    }

    /// What all changes of a push have.
    pub(crate) fn push_base(&self, event: &Event<'_>, pushed: GitRef<'_>) -> Result<Change, Refusal> {
        let mut properties = self.options.github_property_whitelist.extract("github", event.payload.json())?;
        properties.insert("event".to_owned(), event.name.into());
        Ok(Change {
            branch: Some(pushed.name.to_owned()),
            category: (pushed.kind == RefKind::Tag).then(|| pushed.kind.to_string()),
            project: self.project(event, "repository.full_name")?.to_owned(),
            properties,
            ..self.change(event)?
        })
    }
}

/// The change of a commit.
pub(crate) fn commit_change(commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
    let mut change = Change {
        author: commit.person("author.name", "author.email")?.unwrap_or_default(),
        committer: commit.person("committer.name", "committer.email")?,
        comments: commit.maybe("message")?.unwrap_or_default().to_owned(),
        revision: Some(commit.text("id")?.to_owned()),
        revlink: commit.maybe("url")?.map(str::to_owned),
        when_timestamp: commit.maybe_date("timestamp")?,
        files: changed_files(commit)?,
        ..base.clone()
    };
    let distinct = commit.get("distinct").map_or(Value::Bool(true), Json::to_value);
    change.properties.insert(DISTINCT.to_owned(), distinct);
    Ok(change)
}

const DISTINCT: &str = "github_distinct";

/// The change of a push that names no commit: all that is known is where the ref points now.
pub(crate) fn headless(event: &Event<'_>, base: Change) -> Result<Change, Refusal> {
    let payload = &event.payload;
    let author = match payload.person("pusher.name", "pusher.email")? {
        Some(pusher) => pusher,
        None => payload.maybe("sender.login")?.unwrap_or_default().to_owned(),
    };
    let mut change = Change { author, revision: Some(payload.text("after")?.to_owned()), ..base };
    change.properties.insert(DISTINCT.to_owned(), true.into());
    Ok(change)
}

/// The commit that `after` names.
fn commit_of<'p>(payload: &View<'p>, commits: &[View<'p>]) -> Result<Option<View<'p>>, Refusal> {
    let after = payload.optional_text("after")?;
    let is_head = |commit: &&View<'_>| after.is_some_and(|after| commit.get("id") == Some(&Json::Text(after)));
    Ok(commits.iter().find(is_head).copied())
}

/// The outcome of a push to a ref that is neither a branch nor a tag.
pub(crate) fn other_ref(full: &str) -> Outcome {
    Outcome::ignored(format!("ref `{full}` is neither a branch nor a tag"))
}

/// The outcome of a push that deletes a branch or tag.
pub(crate) fn deleted(pushed: GitRef<'_>) -> Outcome {
    Outcome::ignored(format!("{pushed} was deleted"))
}
