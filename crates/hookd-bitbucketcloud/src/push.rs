//! Pushes to branches and tags.

use hookd_core::{Change, Outcome, RefKind, Refusal, View, put_head_last};

use crate::change::{actor, commit_heading};
use crate::hook::{BitbucketCloud, Event};

impl BitbucketCloud {
    /// The changes of a push, which may update several branches and tags.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let base = Change { author: actor(&event.payload)?, ..self.change(event)? };
        let mut changes = event.payload.change_list();
        let mut skipped = None;
        for update in event.payload.list("push.changes")? {
            let updated = updated(&update, &base)?;
            match self.skips.outcome_of(&updated).filter(|_| update.is_truthy("new")) {
                Some(outcome) => skipped = Some(outcome),
                None => changes.extend(updated.into_iter().map(Ok))?,
            }
        }
        let changes = changes.into_vec();
        Ok(match skipped.filter(|_| changes.is_empty()) {
            Some(skipped) => skipped,
            None => Outcome::changes_or(changes, "the push changes neither a branch nor a tag"),
        })
    }
}

/// The changes of one branch or tag: of what was deleted, where it pointed to; of what is new, its head alone, since the
/// commits that are listed with it are old; else of every commit that is listed, oldest first, the head being the last.
fn updated(update: &View<'_>, base: &Change) -> Result<Vec<Change>, Refusal> {
    let is_deleted = !update.is_truthy("new");
    let state = update.at(if is_deleted { "old" } else { "new" })?;
    let Some(kind) = RefKind::parse(state.text("type")?) else { return Ok(Vec::new()) };
    let head = state.at("target")?;
    let revision = head.text("hash")?;
    let base = Change {
        branch: Some(kind.full(state.text("name")?)),
        category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
        ..base.clone()
    };
    if is_deleted {
        return Ok(vec![Change {
            comments: commit_heading(revision),
            revision: Some(revision.to_owned()),
            revlink: Some(page_of(&head, revision, &base)?),
            ..base
        }]);
    }
    // Bitbucket lists the newest commit first; none for a tag, a reset, or where it left them out.
    let is_new = !update.is_truthy("old");
    let mut commits = if is_new || kind == RefKind::Tag { Vec::new() } else { update.maybe_list("commits")? };
    commits.reverse();
    let mut changes = update.collect_changes(commits.iter().map(|commit| change_of(commit, &base)))?;
    if !put_head_last(&mut changes, revision) {
        changes.push(change_of(&head, &base)?);
    }
    Ok(changes)
}

/// The change of a commit. What Bitbucket does not say about it is that of the push.
fn change_of(commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
    let revision = commit.text("hash")?;
    let message = commit.maybe_nonempty("message")?;
    let author = commit.maybe_nonempty("author.raw")?;
    Ok(Change {
        author: author.map_or_else(|| base.author.clone(), str::to_owned),
        comments: message.map_or_else(|| commit_heading(revision), str::to_owned),
        committer: commit.maybe_nonempty("committer.raw")?.map(str::to_owned),
        revision: Some(revision.to_owned()),
        revlink: Some(page_of(commit, revision, base)?),
        when_timestamp: commit.maybe_date("date")?,
        ..base.clone()
    })
}

/// The page of a commit.
fn page_of(commit: &View<'_>, revision: &str, base: &Change) -> Result<String, Refusal> {
    let page = || format!("{}/commits/{revision}", base.repository.trim_end_matches('/'));
    Ok(commit.maybe("links.html.href")?.map_or_else(page, str::to_owned))
}
