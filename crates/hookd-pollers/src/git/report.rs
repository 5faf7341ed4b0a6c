//! What a poll reports: the new commits of each ref that has moved, within bounds.
//!
//! A commit that is new on several refs is reported for the first of them, in the order of their names, as by Buildbot.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use hookd_core::Change;
use hookd_store::MAX_POSITION_BYTES;

use super::Git;
use super::command::Failure;
use super::folder::Folder;
use super::history::{Commit, History};
use super::listing::branch;
use super::reconcile::{Reconcile, Since, since_key};
use crate::{Poll, Polled};

/// How many changes a poll reports; what is left follows with the next, which is at once.
pub(super) const MAX_CHANGES: usize = 500;

/// The bytes of messages and names of files after which a poll reports no further ref.
const ENOUGH_BYTES: usize = 4 << 20;

/// A ref that has moved.
pub(super) struct Head {
    /// The key of its position.
    pub(super) key: String,
    /// The commit that it leads to; `None` where it leads to none, as a tag of a file.
    pub(super) commit: Option<String>,
    /// What the remote says that it leads to.
    pub(super) listed: String,
}

/// A report that is being made.
pub(super) struct Report<'a> {
    git: &'a Git,
    poll: Poll<'a>,
    folder: &'a Folder<'a>,
    at: &'a BTreeMap<String, String>,
    /// The commits of positions that are here, by their keys.
    known: BTreeMap<String, Vec<String>>,
    /// What was reported, before this poll or in it.
    without: Vec<String>,
    bytes: usize,
    notes: Vec<String>,
    polled: Polled,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        git: &'a Git,
        poll: Poll<'a>,
        folder: &'a Folder<'a>,
        at: &'a BTreeMap<String, String>,
        known: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let without: BTreeSet<String> = known.values().flatten().cloned().collect();
        let without = without.into_iter().collect();
        let (notes, polled) = (Vec::new(), Polled::default());
        Self { git, poll, folder, at, known, without, bytes: 0, notes, polled }
    }

    /// The report of these refs.
    pub(super) async fn of(mut self, heads: Vec<Head>) -> Result<Polled, Failure> {
        for Head { key, commit, listed } in heads {
            if self.room() == 0 {
                self.polled.has_more = true;
                break;
            }
            let Some(head) = commit else {
                self.notes.push(format!("`{key}` leads to no commit"));
                self.polled.set.push((key, Some(listed)));
                continue;
            };
            match &self.git.reconcile {
                None => self.all_of(key, head).await?,
                Some(reconcile) => self.missing_of(reconcile, key, head).await?,
            }
        }
        self.polled.note = (!self.notes.is_empty()).then(|| self.notes.join("; "));
        Ok(self.polled)
    }

    fn room(&self) -> usize {
        if self.bytes >= ENOUGH_BYTES { 0 } else { MAX_CHANGES.saturating_sub(self.polled.changes.len()) }
    }

    fn history<'h>(&'h self, head: &'h str, without: &'h [String]) -> History<'h> {
        History { folder: self.folder, is_first_parent: self.git.is_first_parent, head, without }
    }

    /// The new commits of a ref up to this one, or the oldest of them, and whether these are all.
    async fn new_commits(&mut self, key: &str, head: &str) -> Result<(Vec<Commit>, bool), Failure> {
        let count = self.history(head, &self.without).count().await?;
        if count == 0 {
            return Ok((Vec::new(), true));
        }
        if self.at.contains_key(key) && self.known.get(key).is_none_or(Vec::is_empty) {
            self.notes.push(format!(
                "the repository no longer has the commit that `{key}` was at: of those before its newest none is reported"
            ));
            return Ok((self.history(head, &[]).newest().await?, true));
        }
        let commits = self.history(head, &self.without).oldest(count, self.room()).await?;
        let is_all = commits.len() >= count;
        Ok((commits, is_all))
    }

    /// The position of a ref when these of its new commits were reported.
    fn position(&self, key: &str, head: &str, commits: &[Commit], is_all: bool) -> Result<String, Failure> {
        if is_all { Ok(head.to_owned()) } else { self.frontier(key, commits) }
    }

    /// Reports all new commits of a ref, or the oldest of them.
    async fn all_of(&mut self, key: String, head: String) -> Result<(), Failure> {
        let (mut commits, is_all) = self.new_commits(&key, &head).await?;
        if commits.is_empty() && self.git.reports_pushes_without_commits {
            commits = self.history(&head, &[]).newest().await?;
        }
        let position = self.position(&key, &head, &commits, is_all)?;
        self.changes(&key, commits);
        self.advance(key, position, is_all);
        Ok(())
    }

    /// Reports those new commits of a ref that no webhook has brought in time.
    async fn missing_of(&mut self, reconcile: &Reconcile, key: String, head: String) -> Result<(), Failure> {
        let before = Since::read(self.at, &key);
        let (commits, is_all) = self.new_commits(&key, &head).await?;
        if self.missing(reconcile, &key, &commits).await?.is_empty() {
            let position = self.position(&key, &head, &commits, is_all)?;
            self.wait(&key, before.as_ref(), None);
            self.advance(key, position, is_all);
            return Ok(());
        }
        let now = Since { at: self.poll.now, head: head.clone() };
        let Some(then) = before.clone() else {
            self.wait(&key, None, Some(now));
            return Ok(());
        };
        if then.at.saturating_add(reconcile.grace) > self.poll.now {
            self.wait(&key, before.as_ref(), Some(then));
            return Ok(());
        }
        if !self.is_part_of(&then.head, &head).await? {
            // It was rewritten, and what it has now has a time of its own.
            self.wait(&key, before.as_ref(), Some(now));
            return Ok(());
        }
        let (commits, is_all) = self.new_commits(&key, &then.head).await?;
        let missing = self.missing(reconcile, &key, &commits).await?;
        let position = self.position(&key, &then.head, &commits, is_all)?;
        self.changes(&key, commits.into_iter().filter(|commit| missing.contains(&commit.id)).collect());
        // What came after the head of then has a time of its own, too.
        let left = if is_all { (then.head != head).then_some(now) } else { Some(then) };
        self.wait(&key, before.as_ref(), left);
        self.advance(key, position, is_all);
        Ok(())
    }

    /// Which of these commits no webhook has brought.
    async fn missing(&self, reconcile: &Reconcile, key: &str, commits: &[Commit]) -> Result<HashSet<String>, Failure> {
        let revisions: Vec<String> = commits.iter().map(|commit| commit.id.clone()).collect();
        let brought = reconcile.brought(self.poll.store, key, revisions).await?;
        Ok(commits.iter().map(|commit| commit.id.clone()).filter(|id| !brought.contains(id)).collect())
    }

    /// Whether a head of before is part of what a ref has now.
    async fn is_part_of(&self, then: &str, now: &str) -> Result<bool, Failure> {
        if self.folder.commits(&[then.to_owned()]).await?.first().is_none_or(Option::is_none) {
            return Ok(false);
        }
        let now = [now.to_owned()];
        // Over all parents: the line of first parents may leave it aside.
        let beyond = History { folder: self.folder, is_first_parent: false, head: then, without: &now };
        Ok(beyond.count().await? == 0)
    }

    /// Sets since when a ref is ahead, if that is not what is stored.
    fn wait(&mut self, key: &str, before: Option<&Since>, since: Option<Since>) {
        if let (Some(since), Some(reconcile)) = (&since, &self.git.reconcile) {
            self.polled.wake_at(since.at.saturating_add(reconcile.grace));
        }
        if before != since.as_ref() {
            self.polled.set.push((since_key(key), since.map(|since| since.to_position())));
        }
    }

    /// Moves the position of a ref.
    fn advance(&mut self, key: String, position: String, is_all: bool) {
        self.without.extend(position.split(' ').map(str::to_owned));
        self.polled.set.push((key, Some(position)));
        self.polled.has_more |= !is_all;
    }

    /// The position of a ref of which these commits were reported, the oldest of those that are new: together with what was
    /// reported before they are reached from what is left when all that another one descends from is taken away.
    fn frontier(&self, key: &str, commits: &[Commit]) -> Result<String, Failure> {
        let parents: HashSet<&String> = commits.iter().flat_map(|commit| &commit.parents).collect();
        let before = self.known.get(key).into_iter().flatten();
        let all: BTreeSet<&String> = before.chain(commits.iter().map(|commit| &commit.id)).collect();
        let tips: Vec<&str> = all.into_iter().filter(|id| !parents.contains(id)).map(String::as_str).collect();
        let position = tips.join(" ");
        if position.len() <= MAX_POSITION_BYTES {
            return Ok(position);
        }
        Err(Failure::Other(format!(
            "`{key}` has {} lines of history side by side, too many to report: `first_parent = true` reports one",
            tips.len()
        )))
    }

    fn changes(&mut self, key: &str, commits: Vec<Commit>) {
        let branch = branch(key);
        for commit in commits {
            let Commit { id, when, author, committer, comments, files, left_out, .. } = commit;
            self.bytes += comments.len() + files.iter().map(String::len).sum::<usize>();
            self.notes.extend(left_out);
            let mut change = Change {
                author,
                branch: Some(branch.clone()),
                comments,
                committer: Some(committer),
                files,
                repository: self.git.commands.address().to_owned(),
                revision: Some(id),
                src: Some("git".to_owned()),
                when_timestamp: when.filter(|_| self.git.uses_timestamps),
                ..Change::default()
            };
            change.fill_revlink();
            self.polled.changes.push(change);
        }
    }
}
