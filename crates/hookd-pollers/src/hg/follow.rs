//! What is new of the branches and bookmarks that are followed.
//!
//! That is what its new heads have and its old ones have not, however it came there: revisions that were merged in from
//! another branch are reported for it as well. So each revision is reported once for each name that it is new on, whenever
//! the polls are.

use std::collections::{BTreeMap, BTreeSet};

use encoding_rs::Encoding;
use hookd_core::Change;
use hookd_store::Positions;

use super::commands::{Commands, MAX_LIST_BYTES};
use super::names::{self, Kind, MISSING, Name, ids};
use super::records::{Record, RevlinkTemplate, Separator, path_text, paths};
use super::{Failed, clone};
use crate::Polled;
use crate::folder::WorkFolder;
use crate::tool::Failure;

/// How many revisions of a branch or bookmark are read at a time.
const PAGE: usize = 500;

/// The longest list of revisions, in bytes.
const MAX_LOG_BYTES: usize = 64 << 20;

/// The longest single revision.
const MAX_REVISION_BYTES: usize = 512 << 20;

/// The most heads of a branch: the hashes of the new and of the old ones have to fit into one argument.
const MAX_HEADS: usize = 1000;

/// What changes are made with.
pub(crate) struct Recipe {
    pub(crate) repository: String,
    pub(crate) uses_timestamps: bool,
    /// That of the names of files.
    pub(crate) encoding: &'static Encoding,
    pub(crate) revlink: Option<RevlinkTemplate>,
}

/// The names that are followed, and what becomes of their revisions.
pub(crate) struct Follow {
    pub(crate) names: Vec<Name>,
    pub(crate) recipe: Recipe,
}

/// Where a name was before.
enum Before {
    /// It was not followed.
    NotFollowed,
    /// It did not exist.
    Missing,
    /// At these revisions.
    At(Vec<String>),
}

/// Revisions of one name that are to be reported.
struct Report {
    revset: String,
    /// Whether all of them are read at once: they are not the difference of two positions.
    is_whole: bool,
    /// The old revisions, from which a position in between is made.
    known: Vec<String>,
}

/// What was read of a report.
struct Page {
    records: Vec<Record>,
    /// The position, where there is more.
    until: Option<Vec<String>>,
}

impl Follow {
    /// Polls once.
    pub(crate) async fn poll(
        &self,
        commands: &Commands,
        folder: &WorkFolder,
        positions: Option<&Positions>,
    ) -> Result<Polled, Failed> {
        // Before the clone is brought up to date, so that all that is listed is there then.
        let bookmarks = self.list_bookmarks(commands).await?;
        let gone = clone::update(commands, folder).await?;
        let heads = self.heads(commands, bookmarks, &gone).await?;
        let before: Vec<Before> = self.names.iter().map(|name| before(name, positions)).collect();
        let known = self.known(commands, &before, &heads).await?;

        let mut polled = Polled::default();
        let (mut changes, mut notes, mut complaints) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (name, before)) in self.names.iter().zip(&before).enumerate() {
            let Some(heads) = heads.get(&index) else {
                complaints.push(format!("there is no {name}"));
                if !matches!(before, Before::Missing) {
                    polled.set.push((name.key(), Some(MISSING.to_owned())));
                }
                continue;
            };
            if heads.len() > MAX_HEADS {
                complaints
                    .push(format!("{name} has {} heads, more than the {MAX_HEADS} that can be followed", heads.len()));
                continue;
            }
            if matches!(before, Before::At(old) if old == heads) {
                continue;
            }
            let mut until = heads.clone();
            if let Some(report) = report(name, before, heads, &known, &mut notes) {
                let page = self.page(commands, &report).await?;
                if let Some(in_between) = page.until {
                    until = in_between;
                    polled.has_more = true;
                }
                for record in &page.records {
                    changes.push((record.number, index, self.change(commands, record, name).await?));
                }
            } else if positions.is_some() && matches!(before, Before::NotFollowed) {
                notes.push(format!("{name} is followed from now on"));
            }
            polled.set.push((name.key(), Some(until.join(" "))));
        }
        changes.sort_by_key(|(number, index, _)| (*number, *index));
        polled.changes = changes.into_iter().map(|(_, _, change)| change).collect();
        polled.note = (!notes.is_empty()).then(|| notes.join("; "));
        polled.error = (!complaints.is_empty()).then(|| complaints.join("; "));
        Ok(polled)
    }

    async fn list_bookmarks(&self, commands: &Commands) -> Result<Vec<(String, String)>, Failed> {
        if self.names.iter().all(|name| name.kind == Kind::Branch) {
            return Ok(Vec::new());
        }
        Ok(names::bookmarks(&commands.ask("debugpushkey", &[], &["bookmarks"]).await?))
    }

    /// The heads of each name that there is, sorted, by its index.
    async fn heads(
        &self,
        commands: &Commands,
        bookmarks: Vec<(String, String)>,
        gone: &str,
    ) -> Result<BTreeMap<usize, Vec<String>>, Failed> {
        let branches: Vec<&Name> = self.names.iter().filter(|name| name.kind == Kind::Branch).collect();
        let mut rows: Vec<(Kind, String, String)> =
            bookmarks.into_iter().map(|(name, hash)| (Kind::Bookmark, name, hash)).collect();
        if !branches.is_empty() {
            let sets: Vec<String> = branches.iter().map(|name| format!("heads({}-{gone})", name.revset())).collect();
            let printed = log(commands, &sets.join("+"), "{node} {branch}\\n", MAX_LIST_BYTES).await;
            let printed = printed.map_err(broken)?;
            let printed = String::from_utf8_lossy(&printed).into_owned();
            let lines = printed.lines().filter_map(|line| line.split_once(' '));
            rows.extend(lines.map(|(hash, branch)| (Kind::Branch, branch.to_owned(), hash.to_owned())));
        }
        let mut heads: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (kind, text, hash) in rows {
            if let Some(index) = self.names.iter().position(|name| name.kind == kind && name.text == text) {
                heads.entry(index).or_default().push(hash);
            }
        }
        heads.values_mut().for_each(|hashes| hashes.sort());
        Ok(heads)
    }

    /// Those of the old positions, and of the bookmarks, that are in the clone.
    async fn known(
        &self,
        commands: &Commands,
        before: &[Before],
        heads: &BTreeMap<usize, Vec<String>>,
    ) -> Result<BTreeSet<String>, Failed> {
        let mut asked = BTreeSet::new();
        let mut has_moved = false;
        for (index, before) in before.iter().enumerate() {
            if let Before::At(old) = before {
                asked.extend(old);
                has_moved |= heads.get(&index) != Some(old);
            } else {
                has_moved = true;
            }
        }
        if !has_moved || asked.is_empty() {
            return Ok(BTreeSet::new());
        }
        let asked: Vec<&String> = asked.into_iter().collect();
        let mut known = BTreeSet::new();
        for asked in asked.chunks(MAX_HEADS) {
            let printed = log(commands, &ids(asked.iter().copied()), "{node}\\n", MAX_LIST_BYTES).await;
            let printed = printed.map_err(broken)?;
            known.extend(String::from_utf8_lossy(&printed).lines().map(str::to_owned));
        }
        Ok(known)
    }

    /// Reads the revisions of a report, as many as are read at a time.
    async fn page(&self, commands: &Commands, report: &Report) -> Result<Page, Failed> {
        let mut limit = if report.is_whole { usize::MAX } else { PAGE };
        loop {
            let separator = Separator::new();
            let revset = format!("sort({}, rev)", report.revset);
            let limited = if report.is_whole { revset } else { format!("limit({revset}, {limit})") };
            let most = if limit == 1 { MAX_REVISION_BYTES } else { MAX_LOG_BYTES };
            let printed = match log(commands, &limited, &separator.template(), most).await {
                // A few revisions with very many files.
                Err(Failure::TooMuch(_)) if limit > 1 && !report.is_whole => {
                    limit = limit.div_ceil(8);
                    continue;
                }
                printed => printed.map_err(broken)?,
            };
            let records = separator.records(&printed).map_err(Failed::Broken)?;
            let until = (records.len() == limit).then(|| frontier(&report.known, &records));
            return Ok(Page { records, until });
        }
    }

    async fn change(&self, commands: &Commands, record: &Record, name: &Name) -> Result<Change, Failed> {
        let Recipe { repository, uses_timestamps, encoding, revlink } = &self.recipe;
        // Of a merge, Mercurial names only what is like in neither parent.
        let files =
            if record.parents.len() > 1 { files_of_merge(commands, record).await? } else { record.files.clone() };
        let revlink = revlink.as_ref().map(|template| template.fill(&record.hash, &name.text));
        let mut change = Change {
            author: record.author.clone(),
            branch: Some(name.text.clone()),
            comments: record.message.clone(),
            files: files.iter().map(|path| path_text(path, encoding)).collect(),
            repository: repository.clone(),
            revision: Some(record.hash.clone()),
            revlink: Some(revlink.unwrap_or_default()),
            src: Some("hg".to_owned()),
            when_timestamp: record.date.filter(|_| *uses_timestamps),
            ..Change::default()
        };
        change.fill_revlink();
        Ok(change)
    }
}

/// Where a name was at the last poll.
fn before(name: &Name, positions: Option<&Positions>) -> Before {
    match positions.and_then(|positions| positions.at.get(&name.key())).map(String::as_str) {
        None => Before::NotFollowed,
        Some(MISSING) => Before::Missing,
        Some(hashes) => Before::At(hashes.split(' ').filter(|hash| names::is_hash(hash)).map(str::to_owned).collect()),
    }
}

/// What is to be reported of a name that is at these heads now.
fn report(
    name: &Name,
    before: &Before,
    heads: &[String],
    known: &BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Option<Report> {
    let only_heads = || Report { revset: ids(heads), is_whole: true, known: Vec::new() };
    match before {
        Before::NotFollowed => None,
        Before::At(old) => {
            let known: Vec<String> = old.iter().filter(|hash| known.contains(*hash)).cloned().collect();
            if known.is_empty() {
                notes.push(format!("what was known of {name} is gone: only its heads are reported"));
                return Some(only_heads());
            }
            let revset = format!("only({}, {})", ids(heads), ids(&known));
            Some(Report { revset, is_whole: false, known })
        }
        // It is new. A branch has revisions of its own, a bookmark those that no other name had.
        Before::Missing if name.kind == Kind::Branch => {
            let revset = format!("(::{} and {})", ids(heads), name.revset());
            Some(Report { revset, is_whole: true, known: Vec::new() })
        }
        Before::Missing if known.is_empty() || known.len() > MAX_HEADS => {
            notes.push(format!("{name} is new: only its head is reported"));
            Some(only_heads())
        }
        Before::Missing => {
            let revset = format!("only({}, {})", ids(heads), ids(known));
            Some(Report { revset, is_whole: true, known: Vec::new() })
        }
    }
}

/// The position after these revisions: the known ones and these, without those that have a child among them.
fn frontier(known: &[String], records: &[Record]) -> Vec<String> {
    let parents: BTreeSet<&String> = records.iter().flat_map(|record| &record.parents).collect();
    let all = known.iter().chain(records.iter().map(|record| &record.hash));
    all.filter(|hash| !parents.contains(hash)).cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The files of a merge, against its first parent.
async fn files_of_merge(commands: &Commands, record: &Record) -> Result<Vec<Vec<u8>>, Failed> {
    let options = ["--no-status", "--print0", "--modified", "--added", "--removed", "--change"].map(str::to_owned);
    let options = options.into_iter().chain([record.hash.clone()]).collect();
    let printed = commands.local("status", options, MAX_REVISION_BYTES).await.map_err(broken)?;
    let mut files = paths(&printed);
    files.sort();
    Ok(files)
}

async fn log(commands: &Commands, revset: &str, template: &str, most: usize) -> Result<Vec<u8>, Failure> {
    commands.local("log", vec![format!("--rev={revset}"), format!("--template={template}")], most).await
}

/// A failure of a command that reads the clone.
fn broken(failure: Failure) -> Failed {
    match failure {
        Failure::Exited { message, .. } => Failed::Broken(message),
        failure => Failed::Other(failure.into_message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_in_between_is_what_has_no_child_yet() {
        let record = |hash: &str, parents: &[&str]| Record {
            number: 0,
            hash: hash.to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            branch: String::new(),
            date: None,
            author: String::new(),
            files: Vec::new(),
            message: String::new(),
        };
        let known = ["a".to_owned(), "b".to_owned()];
        let records = [record("c", &["a"]), record("d", &["x"]), record("e", &["c", "d"]), record("f", &["c"])];
        assert_eq!(frontier(&known, &records), ["b", "e", "f"]);
    }
}
