//! Pushes to branches and tags, as Bitbucket itself sends them.

use std::collections::BTreeSet;

use hookd_core::{Change, Json, Outcome, Refusal, View, is_zero_id};

use crate::change::commit_heading;
use crate::date::first_date;
use crate::hook::{BitbucketServer, Event};
use crate::repository::{address_of, commit_page, page_of};
use crate::user::user;

impl BitbucketServer {
    /// The changes of a push, which may update several branches and tags.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let updates = payload.list("changes")?;
        let repository = payload.at("repository")?;
        let push = Push {
            base: Change {
                author: user(payload, "actor")?.unwrap_or_default(),
                repository: address_of(&repository)?,
                when_timestamp: first_date(payload, &["date"])?,
                ..self.change(event, &repository)?
            },
            page: page_of(&repository)?,
            commits: commits_of(payload)?,
            is_single: updates.len() == 1,
        };
        let mut changes = payload.change_list();
        for update in &updates {
            changes.extend(push.changes_of(update)?.into_iter().map(Ok))?;
        }
        Ok(Outcome::changes_or(changes.into_vec(), "the push changes neither a branch nor a tag"))
    }
}

/// The commits of a push that newer versions list, newest first: at most five, of all its branches and tags together.
fn commits_of<'p>(payload: &View<'p>) -> Result<Vec<View<'p>>, Refusal> {
    let mut commits = payload.list_or_empty("commits")?;
    if payload.is_truthy("toCommit") {
        let head = payload.at("toCommit")?;
        let id = head.text("id")?;
        if !commits.iter().any(|commit| is_of(commit, id)) {
            commits.insert(0, head);
        }
    }
    Ok(commits)
}

struct Push<'p> {
    /// What all its changes have.
    base: Change,
    /// The page of the repository.
    page: Option<String>,
    /// Those of its commits that are listed, newest first.
    commits: Vec<View<'p>>,
    /// Whether it updates one branch or tag alone, so that all commits are that one's.
    is_single: bool,
}

impl Push<'_> {
    /// The changes of one branch or tag: of what was deleted, where it pointed to; of a branch every commit that is
    /// listed, oldest first, the head being the last; else of the head alone.
    fn changes_of(&self, update: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let branch = match update.nonempty_text("ref.id")? {
            Some(id) => id,
            None => update.text("refId")?,
        };
        let is_branch = branch.starts_with("refs/heads/");
        if !is_branch && !branch.starts_with("refs/tags/") {
            return Ok(Vec::new());
        }
        let (from, to) = (update.optional_text("fromHash")?.unwrap_or_default(), update.text("toHash")?);
        let is_deleted = update.optional_text("type")? == Some("DELETE") || is_zero_id(to);
        let base = Change {
            branch: Some(branch.to_owned()),
            category: Some(if is_deleted { "ref-deleted" } else { "push" }.to_owned()),
            ..self.base.clone()
        };
        if is_deleted {
            return Ok(vec![self.bare(update.text("fromHash")?, base)]);
        }
        let commits = if is_branch { self.between(from, to)? } else { self.tagged(to) };
        let mut changes = update.collect_changes(commits.iter().rev().map(|commit| self.listed(commit, &base)))?;
        if commits.is_empty() || is_branch && !commits.iter().any(|commit| is_of(commit, to)) {
            changes.push(self.bare(to, base));
        }
        Ok(changes)
    }

    /// The listed commits that lead to `to`, newest first, without those that were there at `from`.
    fn between(&self, from: &str, to: &str) -> Result<Vec<&View<'_>>, Refusal> {
        if self.is_single {
            return Ok(self.commits.iter().collect());
        }
        let mut wanted = BTreeSet::from([to]);
        let mut found = Vec::new();
        for commit in &self.commits {
            let id = commit.text("id")?;
            if id == from || !wanted.contains(id) {
                continue;
            }
            found.push(commit);
            if commit.is_truthy("parents") {
                for parent in commit.list("parents")? {
                    wanted.insert(parent.text("id")?);
                }
            }
        }
        Ok(found)
    }

    /// The listed commit of a tag that points to `to`, which for an annotated tag is the hash of the tag itself.
    fn tagged(&self, to: &str) -> Vec<&View<'_>> {
        let same = self.commits.iter().find(|commit| is_of(commit, to));
        same.or_else(|| self.commits.first().filter(|_| self.is_single)).into_iter().collect()
    }

    /// The change of a commit of which nothing but its hash is known.
    fn bare(&self, revision: &str, base: Change) -> Change {
        Change {
            comments: commit_heading(revision),
            revision: Some(revision.to_owned()),
            revlink: commit_page(self.page.as_deref(), revision),
            ..base
        }
    }

    /// The change of a listed commit. What Bitbucket does not say about it is that of the push.
    fn listed(&self, commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
        let bare = self.bare(commit.text("id")?, base.clone());
        Ok(Change {
            author: user(commit, "author")?.unwrap_or(bare.author),
            comments: commit.nonempty_text("message")?.map_or(bare.comments, str::to_owned),
            committer: user(commit, "committer")?,
            when_timestamp: first_date(commit, &["committerTimestamp", "authorTimestamp"])?.or(bare.when_timestamp),
            ..bare
        })
    }
}

/// Whether the commit has this hash.
fn is_of(commit: &View<'_>, id: &str) -> bool {
    matches!(commit.get("id"), Some(Json::Text(text)) if *text == id)
}
