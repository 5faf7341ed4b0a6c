//! Pushes to branches and tags.

use hookd_core::{Change, Json, Outcome, Refusal, View, parse_date};

use crate::hook::{BitbucketCloud, Event};
use crate::payload::{given, nameless};

impl BitbucketCloud {
    /// The changes of a push, which may update several branches and tags.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let base = self.change(event)?;
        let base = Change { author: self.actor(&event.payload)?, ..base };
        let mut changes = Vec::new();
        for update in event.payload.list("push.changes")? {
            changes.extend(updated(&update, &base)?);
        }
        Ok(Outcome::changes_or(changes, "the push changes neither a branch nor a tag"))
    }
}

/// The changes of one branch or tag: of what was deleted, where it pointed to; else of every commit that is listed,
/// oldest first, the head being the last.
fn updated(update: &View<'_>, base: &Change) -> Result<Vec<Change>, Refusal> {
    let is_deleted = !update.is_truthy("new");
    let state = update.at(if is_deleted { "old" } else { "new" })?;
    let kind = state.text("type")?;
    let folder = match kind {
        "branch" => "heads",
        "tag" => "tags",
        _ => return Ok(Vec::new()),
    };
    let head = state.at("target")?;
    let revision = head.text("hash")?;
    let base = Change {
        branch: Some(format!("refs/{folder}/{}", state.text("name")?)),
        category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
        ..base.clone()
    };
    if is_deleted {
        let revlink = Some(page_of(&head, revision, &base)?);
        return Ok(vec![Change { comments: nameless(revision), revision: Some(revision.to_owned()), revlink, ..base }]);
    }
    // Bitbucket lists the newest commit first; none for a tag, a reset, or where it left them out.
    let mut commits = match update.get("commits") {
        None | Some(Json::Null) => Vec::new(),
        Some(_) => update.list("commits")?,
    };
    if kind == "tag" {
        commits.clear();
    }
    commits.reverse();
    let mut changes = commits.iter().map(|commit| change_of(commit, &base)).collect::<Result<Vec<_>, Refusal>>()?;
    if !changes.iter().any(|change| change.revision.as_deref() == Some(revision)) {
        changes.push(change_of(&head, &base)?);
    }
    Ok(changes)
}

/// The change of a commit; what is not told of it is that of the push.
fn change_of(commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
    let revision = commit.text("hash")?;
    let message = given(commit.optional_text("message")?);
    let author = given(commit.optional_text("author.raw")?);
    Ok(Change {
        author: author.map_or_else(|| base.author.clone(), str::to_owned),
        comments: message.map_or_else(|| nameless(revision), str::to_owned),
        committer: given(commit.optional_text("committer.raw")?).map(str::to_owned),
        revision: Some(revision.to_owned()),
        revlink: Some(page_of(commit, revision, base)?),
        when_timestamp: commit.optional_text("date")?.map(parse_date).transpose()?,
        ..base.clone()
    })
}

/// The page of a commit.
fn page_of(commit: &View<'_>, revision: &str, base: &Change) -> Result<String, Refusal> {
    let page = || format!("{}/commits/{revision}", base.repository.trim_end_matches('/'));
    Ok(commit.optional_text("links.html.href")?.map_or_else(page, str::to_owned))
}
