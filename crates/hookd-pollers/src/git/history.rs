//! Commits: which are new, and what they say.

use std::collections::{BTreeMap, BTreeSet};

use super::command::Failure;
use super::folder::Folder;

/// The most that is read of messages, authors and so on at a time, in bytes.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// The most that is read of names of files at a time, in bytes.
const MAX_FILES_BYTES: usize = 16 << 20;

/// What is printed of each commit: its hash, its parents, when it was committed, who wrote and who committed it, and its
/// message as Buildbot takes it. Each ends with a NUL byte.
const FORMAT: &str = "--format=%H%x00%P%x00%ct%x00%aN <%aE>%x00%cN <%cE>%x00%s%n%b";

/// How many of these there are.
const FIELDS: usize = 6;

/// A commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) id: String,
    pub(crate) parents: Vec<String>,
    /// When it was committed, in seconds since 1970.
    pub(crate) when: Option<i64>,
    pub(crate) author: String,
    pub(crate) committer: String,
    pub(crate) comments: String,
    /// What it changed compared with its first parent, by name. A file that was renamed is two.
    pub(crate) files: Vec<String>,
    /// What was left out of it, as a sentence.
    pub(crate) left_out: Option<String>,
}

/// The commits that a head has and these do not.
pub(crate) struct History<'a> {
    pub(crate) folder: &'a Folder<'a>,
    /// Whether only the line of first parents counts, so that what was merged is one commit.
    pub(crate) is_first_parent: bool,
    pub(crate) head: &'a str,
    pub(crate) without: &'a [String],
}

impl History<'_> {
    fn revisions(&self) -> Vec<u8> {
        let without: String = self.without.iter().map(|id| format!("^{id}\n")).collect();
        format!("{}\n{without}", self.head).into_bytes()
    }

    fn options<'o>(&self, options: &[&'o str]) -> Vec<&'o str> {
        let mut all = options.to_vec();
        if self.is_first_parent {
            all.push("--first-parent");
        }
        all
    }

    /// How many there are.
    pub(crate) async fn count(&self) -> Result<usize, Failure> {
        let options = self.options(&["--count", "--stdin"]);
        let written = self.folder.run_cut("rev-list", &options, self.revisions(), 64).await?;
        let text = String::from_utf8_lossy(&written.bytes);
        text.trim().parse().map_err(|_| Failure::Broken(format!("`git rev-list` printed `{text}`, expected a number")))
    }

    /// Of so many the oldest, parents before children, at most so many, and fewer where they are large: always one.
    pub(crate) async fn oldest(&self, count: usize, most: usize) -> Result<Vec<Commit>, Failure> {
        let (skip, most) = (format!("--skip={}", count.saturating_sub(most)), format!("--max-count={most}"));
        self.read(&["--topo-order", "--reverse", &skip, &most]).await
    }

    /// The head alone.
    pub(crate) async fn newest(&self) -> Result<Vec<Commit>, Failure> {
        self.read(&["--max-count=1"]).await
    }

    async fn read(&self, selection: &[&str]) -> Result<Vec<Commit>, Failure> {
        let mut options = vec!["--stdin", "-z", "--no-show-signature", "--no-notes", "--encoding=UTF-8", FORMAT];
        options.extend(selection);
        let options = self.options(&options);
        let written = self.folder.run_cut("log", &options, self.revisions(), MAX_TEXT_BYTES).await?;
        let mut commits = parse_commits(&written.bytes, written.is_cut);
        if commits.is_empty() {
            return Err(Failure::Broken("`git log` printed no commit, expected one".to_owned()));
        }
        self.read_files(&mut commits).await?;
        Ok(commits)
    }

    /// Names the files of commits. Those of which the files are too many for one time are left out, but for the first.
    async fn read_files(&self, commits: &mut Vec<Commit>) -> Result<(), Failure> {
        let mut input = String::new();
        for commit in commits.iter() {
            // With a parent beside it, a commit is compared with that one only.
            let parent = commit.parents.first().map_or("", String::as_str);
            input.push_str(format!("{} {parent}", commit.id).trim_end());
            input.push('\n');
        }
        let options =
            ["--stdin", "--root", "-r", "-z", "--always", "--name-status", "--no-renames", "--ignore-submodules=none"];
        let written = self.folder.run_cut("diff-tree", &options, input.into_bytes(), MAX_FILES_BYTES).await?;
        let ids: BTreeSet<&str> = commits.iter().map(|commit| commit.id.as_str()).collect();
        let (mut files, last) = parse_files(&written.bytes, &ids);
        if written.is_cut && commits.first().is_some_and(|first| first.id == last) {
            commits.truncate(1);
            let note = format!("the commit `{last}` changes too many files: the others are left out");
            commits[0].left_out =
                Some(commits[0].left_out.take().map_or(note.clone(), |before| format!("{before}; {note}")));
        } else if written.is_cut {
            let complete = commits.iter().position(|commit| commit.id == last).unwrap_or(0);
            commits.truncate(complete.max(1));
        }
        for commit in commits {
            commit.files = files.remove(&commit.id).unwrap_or_default();
        }
        Ok(())
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The commits of an output. Of one that is cut those that are complete, and at least the first, with what there is of it.
fn parse_commits(output: &[u8], is_cut: bool) -> Vec<Commit> {
    let mut commits = Vec::new();
    let mut rest = output;
    while !rest.is_empty() {
        let mut fields: [&[u8]; FIELDS] = [b""; FIELDS];
        let mut is_complete = true;
        for field in &mut fields {
            match rest.iter().position(|byte| *byte == 0) {
                Some(end) => (*field, rest) = (&rest[..end], &rest[end + 1..]),
                None => {
                    is_complete = false;
                    (*field, rest) = (rest, b"");
                }
            }
        }
        if !is_complete && is_cut && !commits.is_empty() {
            break;
        }
        let [id, parents, when, author, committer, comments] = fields.map(lossy);
        let left_out =
            (!is_complete && is_cut).then(|| format!("the message of the commit `{id}` is too long, and was cut"));
        commits.push(Commit {
            parents: parents.split_whitespace().map(str::to_owned).collect(),
            when: when.parse().ok(),
            author: author.trim().to_owned(),
            committer: committer.trim().to_owned(),
            comments: comments.trim().to_owned(),
            files: Vec::new(),
            left_out,
            id,
        });
    }
    commits
}

/// The files of each commit, and which commit came last: that one may be cut, and the name of its last file is left out then.
fn parse_files(output: &[u8], ids: &BTreeSet<&str>) -> (BTreeMap<String, Vec<String>>, String) {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = String::new();
    let complete = output.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    let mut tokens = output[..complete].split(|byte| *byte == 0);
    while let Some(token) = tokens.next() {
        // What is no status is a commit: a status has one letter.
        if let Some(id) = std::str::from_utf8(token).ok().filter(|token| ids.contains(token)) {
            id.clone_into(&mut last);
            files.entry(last.clone()).or_default();
        } else if let (Some(name), Some(files)) = (tokens.next(), files.get_mut(&last)) {
            files.push(lossy(name));
        }
    }
    (files, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_is_left_for_the_next_time() {
        let one = b"a\0p q\x0012\0n <e>\0c <f>\0subject\nbody\n\0";
        let two = [one.as_slice(), b"b\0a\x0013\0n <e>"].concat();
        let commits = parse_commits(&two, true);
        assert_eq!(commits.len(), 1);
        let commit = &commits[0];
        assert_eq!((commit.parents.len(), commit.when, commit.comments.as_str()), (2, Some(12), "subject\nbody"));
        assert_eq!(commit.left_out, None);
        let cut = parse_commits(b"a\0\x0012\0n <e>\0c <f>\0a long mess", true);
        assert_eq!((cut[0].comments.as_str(), cut[0].left_out.is_some()), ("a long mess", true));
    }

    #[test]
    fn a_file_may_have_any_name() {
        let ids = BTreeSet::from(["aa", "bb"]);
        let (files, last) = parse_files(b"aa\0M\0bb\0A\0x\ny\0bb\0D\0\xff\0A\0cut", &ids);
        assert_eq!(files["aa"], ["bb", "x\ny"]);
        assert_eq!((files["bb"].clone(), last.as_str()), (vec!["\u{fffd}".to_owned()], "bb"));
    }
}
