//! `hookd notify git`: the hook `post-receive` of a repository, bare or not, with hashes of SHA-1 or SHA-256.
//!
//! The rules, in the order of the refs that were pushed:
//! - A branch that moved: a change for each commit that it did not have before, for this branch.
//! - A new branch, or one whose history has nothing in common with the one before: a change for each commit that no ref had
//!   before the push. Two new branches that share commits report each of them.
//! - If that is none, because the branch went back or others had it all: a change for its head, once.
//! - A branch that left commits behind: `is_forced` on its changes, and the files that the commits left behind had changed
//!   among those of the head.
//! - A tag that is new or moved: a change for its commit, with the tag as branch and the category `tag`.
//! - Deleted refs and refs that are neither branch nor tag: none.

mod history;
mod updates;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};

use self::history::{Commit, Git, Range};
use self::updates::{Kind, Update};
use super::change::{Change, Push, delivery_id, text};
use super::settings::{Settings, boolean};
use super::{Common, Deadline, Failure, Opened};

/// How much of standard input is read: some hundred thousand refs.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Arguments of `hookd notify git`.
#[derive(Debug, Args)]
pub(crate) struct GitArgs {
    #[command(flatten)]
    common: Common,

    /// Follow the first parents only: no changes for what a merge brought in.
    #[arg(long)]
    first_parent: bool,
}

impl GitArgs {
    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// Finds the repository that this is the hook of, and reads its configuration.
    pub(crate) fn open(&self, reading: Deadline) -> Result<Opened<'_>, Failure> {
        let mut git = Git::new(reading, self.first_parent);
        let folder = git.folder()?;
        let mut common = self.common.clone();
        let has_masters = common.has_masters();
        for (name, value) in git.configuration()? {
            let place = format!("hookd.{name}");
            if name == "first-parent" || name == "firstparent" {
                git.first_parent |= boolean(&value, &place)?;
            } else if !(name == "master" && has_masters) {
                // Others may be for other programs.
                common.take(&name, &value, &place)?;
            }
        }
        let path = work_tree(&folder).to_owned();
        let settings = common.settle(&path)?;
        // The configuration may have said so.
        git.reading = reading.with_limit(settings.timeout).for_reading();
        let read = Box::new(move |settings: &Settings, input: &mut dyn Read| {
            let mut bytes = Vec::new();
            let read = input.take(MAX_INPUT_BYTES).read_to_end(&mut bytes);
            read.map_err(|error| Failure::Unread(format!("standard input: {error}")))?;
            let updates = updates::parse(&bytes).map_err(Failure::Invalid)?;
            Reader { git, folder, settings, left_out: 0 }.push(&updates)
        });
        Ok(Opened { settings, is_strict: common.is_strict(), read })
    }
}

/// The path that people know a repository by: of one with a work tree that of the work tree.
fn work_tree(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if folder.file_name() == Some(".git".as_ref()) => parent,
        _ => folder,
    }
}

struct Reader<'a> {
    git: Git,
    folder: PathBuf,
    settings: &'a Settings,
    /// How many refs are not reported at all.
    left_out: usize,
}

/// What one ref becomes.
struct Reported<'u> {
    update: &'u Update,
    /// Oldest first; never empty.
    commits: Vec<Commit>,
    is_forced: bool,
    /// There are more commits than are reported.
    is_incomplete: bool,
    /// Files that commits which were left behind had changed.
    undone: Vec<String>,
}

impl Reader<'_> {
    fn push(mut self, updates: &[Update]) -> Result<Push, Failure> {
        let tags: Vec<&str> =
            updates.iter().filter(|update| update.kind == Kind::Tag).filter_map(Update::after).collect();
        let tagged = self.git.commits_of_tags(&tags)?;
        let mut room = self.settings.max_changes;
        let mut reported = Vec::new();
        let mut refs_left =
            updates.iter().filter(|update| update.after().is_some() && update.kind != Kind::Other).count();
        for update in updates {
            let Some(new) = update.after().filter(|_| update.kind != Kind::Other) else { continue };
            // Every ref gets its share, so that its head is reported.
            let share = (room / refs_left).max(1);
            refs_left -= 1;
            if room == 0 {
                self.left_out += 1;
                continue;
            }
            let one = match update.kind {
                Kind::Tag => tagged.get(new).map(|commit| Reported::of(update, vec![commit.clone()])),
                _ => Some(self.branch(update, new, updates, share)?),
            };
            let Some(one) = one else { continue };
            room -= one.commits.len().min(room);
            reported.push(one);
        }
        let commits = reported.iter().flat_map(|one| &one.commits);
        let (files, mut notes) = self.git.files(commits);
        let changes: Vec<Change> = reported.iter().flat_map(|one| self.changes(one, &files)).collect();
        if reported.iter().any(|one| one.is_incomplete) {
            let most = self.settings.max_changes;
            notes.push(format!("more than {most} changes: only the newest of each ref are reported"));
        }
        if self.left_out > 0 {
            notes.push(format!("{} refs are not reported: too many in one push", self.left_out));
        }
        Ok(Push { id: self.id(updates), changes, notes })
    }

    /// A branch that is new or moved.
    fn branch<'u>(
        &self,
        update: &'u Update,
        new: &str,
        updates: &[Update],
        share: usize,
    ) -> Result<Reported<'u>, Failure> {
        let base = match update.before() {
            Some(old) => self.git.merge_base(old, new)?,
            None => None,
        };
        let mut known = Vec::new();
        match (update.before(), &base) {
            (Some(old), Some(_)) => known.push(old.to_owned()),
            _ => known = self.known_before(updates)?,
        }
        let range = Range { new, known: &known, most: share + 1 };
        let mut commits = self.git.log(&range)?;
        let is_incomplete = commits.len() > share;
        if is_incomplete {
            commits.remove(0);
        }
        if commits.is_empty() {
            commits = self.git.log(&Range { new, known: &[], most: 1 })?;
        }
        if commits.last().is_none_or(|head| head.hash != new) {
            return Err(Failure::invalid(format!("{}: there is no commit {new} here", text(&update.name))));
        }
        let is_forced = update.before().is_some_and(|old| base.as_deref() != Some(old));
        let undone = match update.before().filter(|_| is_forced) {
            Some(old) => self.git.files_between(old, base.as_deref().unwrap_or(new)),
            None => Vec::new(),
        };
        Ok(Reported { is_forced, is_incomplete, undone, ..Reported::of(update, commits) })
    }

    /// What all refs pointed to before the push.
    fn known_before(&self, updates: &[Update]) -> Result<Vec<String>, Failure> {
        let pushed: HashMap<&[u8], &Update> = updates.iter().map(|update| (&update.name[..], update)).collect();
        let others = self.git.refs()?.into_iter().filter(|(name, _)| !pushed.contains_key(&name[..]));
        let mut known: Vec<String> = others.map(|(_, hash)| hash).collect();
        known.extend(updates.iter().filter_map(|update| update.before().map(str::to_owned)));
        known.sort();
        known.dedup();
        Ok(known)
    }

    fn changes(&self, one: &Reported<'_>, files: &HashMap<String, Vec<String>>) -> Vec<Change> {
        let last = one.commits.len() - 1;
        let is_tag = one.update.kind == Kind::Tag;
        let category = self.settings.category.clone().or_else(|| is_tag.then(|| "tag".to_owned()));
        let change = |(index, commit): (usize, &Commit)| {
            let mut files = files.get(&commit.hash).cloned().unwrap_or_default();
            let mut properties = Map::from_iter([("is_merge".to_owned(), Value::from(commit.parents.len() > 1))]);
            if one.is_forced {
                properties.insert("is_forced".to_owned(), true.into());
            }
            if index == last {
                let undone = one.undone.iter().filter(|file| !files.contains(file)).cloned().collect::<Vec<_>>();
                files.extend(undone);
                if one.is_incomplete {
                    properties.insert("is_incomplete".to_owned(), true.into());
                }
            }
            Change {
                author: commit.author.clone(),
                committer: Some(commit.committer.clone()),
                branch: Some(text(one.update.short())),
                category: category.clone(),
                codebase: self.settings.codebase.clone(),
                comments: commit.message.clone(),
                files,
                project: self.settings.project.clone(),
                properties,
                repository: self.settings.repository.clone(),
                revision: commit.hash.clone(),
                when: commit.when,
            }
        };
        one.commits.iter().enumerate().map(change).collect()
    }

    /// Derived from what was pushed, and from when each ref was written: the same branch may be moved from one commit to
    /// another twice.
    fn id(&self, updates: &[Update]) -> String {
        let mut parts: Vec<Vec<u8>> = vec![self.folder.as_os_str().as_encoded_bytes().to_owned()];
        for update in updates {
            parts.push(update.line.clone());
            parts.push(self.written(update).to_le_bytes().to_vec());
        }
        delivery_id("git", &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// When the file of a ref was written, in nanoseconds since 1970; 0 where it has none of its own.
    fn written(&self, update: &Update) -> u128 {
        use std::os::unix::ffi::OsStringExt as _;
        let name = OsString::from_vec(update.name.clone());
        let modified = std::fs::metadata(self.folder.join(name)).and_then(|data| data.modified()).ok();
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        since.unwrap_or_default().as_nanos()
    }
}

impl<'u> Reported<'u> {
    fn of(update: &'u Update, commits: Vec<Commit>) -> Self {
        Self { update, commits, is_forced: false, is_incomplete: false, undone: Vec::new() }
    }
}
