//! What `git` knows of a repository. All that is passed to it are hashes, on standard input where it takes them there; all
//! that it prints is separated by NUL, so that names and messages may contain anything.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;

use super::super::change::text;
use super::super::command::{Command, Failed};
use super::super::{Deadline, Failure};
use super::updates::hash;

/// `git`, in the environment of the hook: `GIT_DIR`, the quarantine of `pre-receive` and the rest are passed on.
pub(crate) struct Git {
    /// When reading has to be done.
    pub(crate) reading: Deadline,
    pub(crate) first_parent: bool,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) hash: String,
    pub(crate) parents: Vec<String>,
    pub(crate) author: String,
    pub(crate) committer: String,
    /// When it was committed, in seconds since 1970.
    pub(crate) when: Option<i64>,
    pub(crate) message: String,
}

/// Commits that are reachable from one, but not from what is known.
pub(crate) struct Range<'a> {
    pub(crate) new: &'a str,
    pub(crate) known: &'a [String],
    /// The newest of them, this many at most.
    pub(crate) most: usize,
}

/// The fields of a commit as `git log` prints them.
const FORMAT: &str = "--format=tformat:%H%x00%P%x00%an <%ae>%x00%cn <%ce>%x00%ct%x00%B";
const FIELDS: usize = 6;

impl Git {
    pub(crate) fn new(reading: Deadline, first_parent: bool) -> Self {
        Self { reading, first_parent }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>, Failed> {
        let command = Command {
            program: "git".into(),
            arguments: arguments.iter().map(|&argument| argument.into()).collect(),
            environment: vec![
                ("LC_ALL", "C"),
                ("GIT_TERMINAL_PROMPT", "0"),
                ("GIT_OPTIONAL_LOCKS", "0"),
                // Somebody may have pushed `refs/replace/…`.
                ("GIT_NO_REPLACE_OBJECTS", "1"),
                ("GIT_NO_LAZY_FETCH", "1"),
            ],
            input: input.as_bytes().to_owned(),
        };
        command.run(self.reading.left())
    }

    /// The folder of the repository that this is the hook of.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        use std::os::unix::ffi::OsStringExt as _;
        let output = self.run(&["rev-parse", "--absolute-git-dir"], "").map_err(|failed| match failed {
            Failed::Exited { said, .. } => Failure::Invalid(format!("no repository of git here: {said}")),
            failed => failed.into(),
        })?;
        Ok(OsString::from_vec(output.strip_suffix(b"\n").unwrap_or(&output).to_owned()).into())
    }

    /// The section `hookd` of its configuration: names in lower case, and values.
    pub(crate) fn configuration(&self) -> Result<Vec<(String, String)>, Failure> {
        let output = match self.run(&["config", "--null", "--get-regexp", r"^hookd\."], "") {
            Ok(output) => output,
            // There is none.
            Err(Failed::Exited { code: 1, .. }) => return Ok(Vec::new()),
            Err(failed) => return Err(failed.into()),
        };
        let entry = |entry: &[u8]| {
            let entry = text(entry);
            // A name without a value is a boolean.
            let (name, value) = entry.split_once('\n').unwrap_or((&entry, "true"));
            Some((name.strip_prefix("hookd.")?.to_owned(), value.to_owned()))
        };
        let mut entries: Vec<_> = fields(&output).into_iter().filter_map(entry).collect();
        // Of a name that is there more than once the last counts, as for git itself; masters are a list.
        entries.reverse();
        let (mut masters, mut others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(name, _)| name == "master");
        masters.reverse();
        others.append(&mut masters);
        Ok(others)
    }

    /// All refs: names and hashes.
    pub(crate) fn refs(&self) -> Result<Vec<(Vec<u8>, String)>, Failure> {
        let output = self.run(&["for-each-ref", "--format=%(objectname) %(refname)"], "")?;
        let lines = output.split(|&byte| byte == b'\n');
        let entry = |line: &[u8]| {
            let end = line.iter().position(|&byte| byte == b' ')?;
            Some((line[end + 1..].to_owned(), hash(&line[..end])?))
        };
        Ok(lines.filter_map(entry).collect())
    }

    /// The best common ancestor; none of histories without one, or where the older commit is gone.
    pub(crate) fn merge_base(&self, old: &str, new: &str) -> Result<Option<String>, Failure> {
        match self.run(&["merge-base", old, new], "") {
            Ok(output) => Ok(output.split(|&byte| byte == b'\n').next().and_then(hash)),
            Err(Failed::Exited { .. }) => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Commits of a range, parents before children.
    pub(crate) fn log(&self, range: &Range<'_>) -> Result<Vec<Commit>, Failure> {
        let most = format!("--max-count={}", range.most);
        let mut arguments = vec!["log", "--topo-order", "--reverse", &most, "--ignore-missing"];
        if self.first_parent {
            arguments.push("--first-parent");
        }
        let known: String = range.known.iter().map(|hash| format!("^{hash}\n")).collect();
        self.commits(&arguments, &format!("{}\n{known}", range.new))
    }

    /// The commits that tags point to, by what the tags were pushed as; without those that point to something else.
    pub(crate) fn commits_of_tags(&self, tags: &[&str]) -> Result<HashMap<String, Commit>, Failure> {
        if tags.is_empty() {
            return Ok(HashMap::new());
        }
        let question: String = tags.iter().map(|tag| format!("{tag}^{{commit}}\n")).collect();
        let output = self.run(&["cat-file", "--batch-check=%(objectname)"], &question)?;
        // What is no commit is answered with more than a hash.
        let peeled: Vec<Option<String>> = output.split(|&byte| byte == b'\n').map(hash).collect();
        let wanted: String = peeled.iter().flatten().map(|hash| format!("{hash}\n")).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let commits = self.commits(&["log", "--no-walk=unsorted"], &wanted)?;
        let by_hash: HashMap<&str, &Commit> = commits.iter().map(|commit| (commit.hash.as_str(), commit)).collect();
        let tagged = tags.iter().zip(&peeled).filter_map(|(tag, hash)| {
            let commit = by_hash.get(hash.as_deref()?)?;
            Some(((*tag).to_owned(), (*commit).clone()))
        });
        Ok(tagged.collect())
    }

    fn commits(&self, arguments: &[&str], revisions: &str) -> Result<Vec<Commit>, Failure> {
        let always = ["--no-show-signature", "--no-patch", "--no-color", "--encoding=UTF-8", "-z", FORMAT, "--stdin"];
        let output = self.run(&[arguments, &always].concat(), revisions)?;
        Ok(fields(&output).chunks_exact(FIELDS).map(Commit::of_fields).collect())
    }

    /// The files of each commit, those of a merge compared with its first parent. They only describe: where they cannot be
    /// found out, there are none, and a note.
    pub(crate) fn files<'c>(
        &self,
        commits: impl Iterator<Item = &'c Commit>,
    ) -> (HashMap<String, Vec<String>>, Vec<String>) {
        // The parent is named, or there would be nothing for a merge.
        let line = |commit: &Commit| match commit.parents.first() {
            Some(parent) => format!("{} {parent}\n", commit.hash),
            None => format!("{}\n", commit.hash),
        };
        // Several refs may report one commit, whose files would be named once for each.
        let mut asked = HashSet::new();
        let question: String = commits.filter(|commit| asked.insert(&commit.hash)).map(line).collect();
        if question.is_empty() {
            return (HashMap::new(), Vec::new());
        }
        match self.run(&[&["diff-tree", "--stdin", "--root"], DIFF].concat(), &question) {
            Ok(output) => (files_of_each(&output), Vec::new()),
            Err(failed) => (HashMap::new(), vec![format!("the changes are sent without their files: {failed}")]),
        }
    }

    /// The files that differ between two commits; none where that cannot be found out.
    pub(crate) fn files_between(&self, old: &str, new: &str) -> Vec<String> {
        let output = self.run(&[&["diff-tree"], DIFF, &[old, new]].concat(), "").unwrap_or_default();
        files_of_each(&output).remove("").unwrap_or_default()
    }
}

/// Both names of what was renamed or copied, types that changed, submodules.
const DIFF: &[&str] = &["-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none"];

impl Commit {
    fn of_fields(fields: &[&[u8]]) -> Self {
        let parents = fields[1].split(|&byte| byte == b' ').filter_map(hash);
        Self {
            hash: text(fields[0]),
            parents: parents.collect(),
            author: text(fields[2]),
            committer: text(fields[3]),
            when: text(fields[4]).parse().ok(),
            message: text(fields[5]).trim_end().to_owned(),
        }
    }
}

/// What ends with a NUL each.
fn fields(output: &[u8]) -> Vec<&[u8]> {
    let mut fields: Vec<&[u8]> = output.split(|&byte| byte == 0).collect();
    fields.pop();
    fields
}

/// The files that `diff-tree` lists below each commit; those of a comparison that names none are below an empty text. What
/// describes a file begins with a colon, which no hash does, so that no name of a file is taken for a commit.
fn files_of_each(output: &[u8]) -> HashMap<String, Vec<String>> {
    let mut files: HashMap<String, Vec<String>> = HashMap::new();
    let mut commit = String::new();
    let mut fields = fields(output).into_iter();
    while let Some(field) = fields.next() {
        if !field.starts_with(b":") {
            commit = text(field);
        } else if let Some(file) = fields.next() {
            files.entry(commit.clone()).or_default().push(text(file));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_the_name_of_a_commit_is_a_file() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let output = format!("{one}\0:0 1 0 f A\0{two}\0:0 1 0 f A\0:x\0{two}\0:1 0 f 0 D\0a\nb\0");
        let files = files_of_each(output.as_bytes());
        assert_eq!(files[&one], [two.as_str(), ":x"]);
        assert_eq!(files[&two], ["a\nb"]);
    }

    #[test]
    fn reads_commits_whatever_is_in_their_fields() {
        let one = "1".repeat(40);
        let output = [one.as_bytes(), b"\0\0Ann \xff <a>\0Ann <a>\x0017\0first\n\nbody \xc3\xbc\n\0"].concat();
        let [commit] =
            fields(&output).chunks_exact(FIELDS).map(Commit::of_fields).collect::<Vec<_>>().try_into().unwrap();
        let author = "Ann \u{fffd} <a>".to_owned();
        let message = "first\n\nbody ü".to_owned();
        assert_eq!(
            commit,
            Commit { hash: one, parents: vec![], author, committer: "Ann <a>".to_owned(), when: Some(17), message }
        );
    }
}
