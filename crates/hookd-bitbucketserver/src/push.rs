//! Pushes to branches and tags, as Bitbucket itself sends them.

use std::collections::BTreeSet;

use hookd_core::{Change, Json, Outcome, Refusal, View, is_zero_id, put_head_last};

use crate::change::commit_heading;
use crate::date::first_date;
use crate::hook::{BitbucketServer, Event};
use crate::repository::commit_page;
use crate::user::user;

/// The category of what was deleted.
const DELETED: &str = "ref-deleted";

impl BitbucketServer {
    /// The changes of a push, which may update several branches and tags.
    pub(crate) fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let payload = &event.payload;
        let updates = payload.list("changes")?;
        let repository = payload.at("repository")?;
        let address = self.address_of(&repository)?;
        let push = Push {
            base: Change {
                author: user(payload, "actor")?.unwrap_or_default(),
                codebase: self.codebase_of(event, &address)?,
                repository: address,
                when_timestamp: first_date(payload, &["date"]),
                ..self.change(event, &repository)?
            },
            page: self.page_of(&repository)?,
            commits: commits_of(payload)?,
            is_single: updates.len() == 1,
        };
        let mut changes = payload.change_list();
        let mut skipped = None;
        for update in &updates {
            let updated = push.changes_of(update)?;
            let is_deleted = updated.last().is_some_and(|change| change.category.as_deref() == Some(DELETED));
            match self.skips.outcome_of(&updated).filter(|_| !is_deleted) {
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

/// The commits of a push that newer versions list, newest first: at most five, of all its branches and tags together.
fn commits_of<'p>(payload: &View<'p>) -> Result<Vec<View<'p>>, Refusal> {
    let mut commits = payload.maybe_list("commits")?;
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
    /// listed, oldest first, the head being the last; of a tag, and of what is new, the head alone: the commits that are
    /// listed with it are old.
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
        let has_type = |kind| update.get("type") == Some(&Json::Text(kind));
        let is_deleted = has_type("DELETE") || is_zero_id(to);
        let is_new = has_type("ADD") || from.is_empty() || is_zero_id(from);
        let base = Change {
            branch: Some(branch.to_owned()),
            category: Some(if is_deleted { DELETED } else { "push" }.to_owned()),
            ..self.base.clone()
        };
        if is_deleted {
            return Ok(vec![self.bare(update.text("fromHash")?, base)]);
        }
        let commits = match (is_branch, is_new) {
            (true, true) => self.commits.iter().filter(|commit| is_of(commit, to)).take(1).collect(),
            (true, false) => self.between(from, to)?,
            (false, _) => self.tagged(to),
        };
        let mut changes = update.collect_changes(commits.iter().rev().map(|commit| self.listed(commit, &base)))?;
        // Of a tag with a message, `to` is the tag itself.
        let has_head = put_head_last(&mut changes, to) || !is_branch && !changes.is_empty();
        if !has_head {
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
            comments: commit.maybe_nonempty("message")?.map_or(bare.comments, str::to_owned),
            committer: user(commit, "committer")?,
            when_timestamp: first_date(commit, &["committerTimestamp", "authorTimestamp"]).or(bare.when_timestamp),
            ..bare
        })
    }
}

/// Whether the commit has this hash.
fn is_of(commit: &View<'_>, id: &str) -> bool {
    matches!(commit.get("id"), Some(Json::Text(text)) if *text == id)
}
