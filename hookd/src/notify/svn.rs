//! `hookd notify svn`: the hook `post-commit` of a Subversion repository, `REPOS REV [TXN]`.
//!
//! One change for each branch that the revision touches: `trunk`, `branches/NAME` or `tags/NAME`, split where a slash is, and
//! none for all that is beside these. A branch that was deleted makes no change. The revision is the one that the hook names,
//! not the newest. Fields are those of `svn_buildbot.py`, and the date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::Map;

use super::change::{Change, Push, delivery_id, text};
use super::command::{Command, Failed};
use super::{Common, Deadline, Failure, Opened, Settings};

/// Arguments of `hookd notify svn`.
#[derive(Debug, Args)]
pub(crate) struct SvnArgs {
    /// The folder of the repository.
    #[arg(value_name = "REPOS")]
    path: PathBuf,

    /// The revision that was committed.
    #[arg(required_unless_present = "flush", value_name = "REV", value_parser = clap::value_parser!(u64).range(1..))]
    revision: Option<u64>,

    /// The transaction that it was; Subversion names it, and nothing is done with it.
    #[arg(value_name = "TXN")]
    _transaction: Option<String>,

    #[command(flatten)]
    common: Common,

    /// How paths are split into branch and file.
    #[arg(long, value_enum, default_value_t = Split::Branches)]
    split_file: Split,

    /// The branch of what is in no branch, or of all with `--split-file none`; by default it has none.
    #[arg(long)]
    branch: Option<String>,
}

/// How paths are split into branch and file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Split {
    /// `trunk`, `branches/NAME` and `tags/NAME` are branches.
    Branches,
    /// Not at all.
    None,
}

impl SvnArgs {
    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// Looks at the repository.
    pub(crate) fn open(&self, reading: Deadline) -> Result<Opened<'_>, Failure> {
        // Absolute, so that it begins with no dash.
        let path = self.path.canonicalize();
        let path = path.map_err(|error| Failure::Invalid(format!("repository {}: {error}", self.path.display())))?;
        let settings = self.common.settle(&path)?;
        let revision = self.revision.unwrap_or_default();
        let read = Box::new(move |settings: &Settings, _: &mut dyn std::io::Read| {
            let svn = Svn { path, revision: revision.to_string(), reading };
            svn.push(settings, self.split_file, self.branch.as_deref())
        });
        Ok(Opened { settings, is_strict: self.common.is_strict(), read })
    }
}

struct Svn {
    path: PathBuf,
    revision: String,
    reading: Deadline,
}

impl Svn {
    fn look(&self, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let command = Command {
            program: "svnlook".into(),
            arguments: arguments.iter().map(Into::into).chain([self.path.clone().into()]).collect(),
            // Subversion writes what the locale cannot as numbers.
            environment: vec![("LC_ALL", "C.UTF-8")],
            input: Vec::new(),
        };
        command.run(self.reading.left())
    }

    fn push(&self, settings: &Settings, split: Split, branch: Option<&str>) -> Result<Push, Failure> {
        let at = ["--revision", &self.revision];
        let info = Info::parse(&self.look(&[&["info"][..], &at].concat())?);
        let changed = self.look(&[&["changed"][..], &at].concat())?;
        let uuid = self.look(&["uuid"])?;
        let change = |(of, files): (Option<String>, Vec<String>)| Change {
            author: info.author.clone(),
            committer: None,
            branch: of.or_else(|| branch.map(str::to_owned)),
            category: settings.category.clone(),
            codebase: settings.codebase.clone(),
            comments: info.comments.clone(),
            files,
            project: settings.project.clone(),
            properties: Map::new(),
            repository: settings.repository.clone(),
            revision: self.revision.clone(),
            when: info.when,
        };
        let changes: Vec<Change> = branches(&changed, split).into_iter().map(change).collect();
        let id = delivery_id("svn", &[path_bytes(&self.path), uuid.trim_ascii_end(), self.revision.as_bytes()]);
        Ok(Push { id, changes, notes: Vec::new() })
    }
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// What `svnlook info` prints: author, date, the length of the message, the message.
struct Info {
    author: String,
    /// Seconds since 1970.
    when: Option<i64>,
    comments: String,
}

impl Info {
    fn parse(output: &[u8]) -> Self {
        let mut lines = output.splitn(4, |&byte| byte == b'\n').map(text);
        let mut next = || lines.next().unwrap_or_default();
        let (author, date, _, comments) = (next(), next(), next(), next());
        // `2026-01-31 12:00:00 +0100 (Sat, 31 Jan 2026)`
        let date = date.split(" (").next().unwrap_or_default();
        let when = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", date).and_then(|date| date.to_timestamp());
        Self {
            // What Subversion itself shows for a revision that nobody is the author of.
            author: if author.is_empty() { "(no author)".to_owned() } else { author },
            when: when.ok().map(jiff::Timestamp::as_second),
            comments: comments.trim_end_matches(['\n', '\r']).to_owned(),
        }
    }
}

/// The files of each branch, of what `svnlook changed` prints: a state in four columns, and a path, which ends with a slash
/// if it is a folder.
fn branches(output: &[u8], split: Split) -> BTreeMap<Option<String>, Vec<String>> {
    let mut branches: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    let mut deleted = Vec::new();
    for line in output.split(|&byte| byte == b'\n') {
        let Some((state, path)) = line.split_at_checked(4) else { continue };
        let path = text(path);
        let (branch, file) = match split {
            Split::None => (None, path.as_str()),
            Split::Branches => split_file(&path),
        };
        if branch.is_some() && file.is_empty() && state.starts_with(b"D") {
            deleted.push(branch.map(str::to_owned));
            continue;
        }
        let files = branches.entry(branch.map(str::to_owned)).or_default();
        if !file.is_empty() {
            files.push(file.to_owned());
        }
    }
    // Unless it was made anew in the same revision.
    for branch in deleted {
        if branches.get(&branch).is_some_and(Vec::is_empty) && !is_made(output, branch.as_deref()) {
            branches.remove(&branch);
        }
    }
    branches
}

/// Whether a line says that the folder of a branch was added.
fn is_made(output: &[u8], branch: Option<&str>) -> bool {
    let folder = format!("{}/", branch.unwrap_or_default());
    output.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"A") && line.get(4..) == Some(folder.as_bytes()))
}

/// The branch of a path, if it is in one, and the path in there.
fn split_file(path: &str) -> (Option<&str>, &str) {
    if let Some(file) = path.strip_prefix("trunk/") {
        return (Some("trunk"), file);
    }
    for folder in ["branches/", "tags/"] {
        // A file that is directly in `branches/` is in no branch.
        if let Some(end) = path.strip_prefix(folder).and_then(|rest| rest.find('/')) {
            let (branch, file) = path.split_at(folder.len() + end);
            return (Some(branch), &file[1..]);
        }
    }
    (None, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_slashes() {
        for (path, expected) in [
            ("trunk/a/b.c", (Some("trunk"), "a/b.c")),
            ("trunk/", (Some("trunk"), "")),
            ("trunk-old/a", (None, "trunk-old/a")),
            ("branches/x/a b", (Some("branches/x"), "a b")),
            ("branches/x/", (Some("branches/x"), "")),
            ("branches/README", (None, "branches/README")),
            ("branches/", (None, "branches/")),
            ("tags/1.0/a", (Some("tags/1.0"), "a")),
            ("website/a", (None, "website/a")),
            ("trunk", (None, "trunk")),
        ] {
            assert_eq!(split_file(path), expected, "{path}");
        }
    }

    #[test]
    fn one_change_for_each_branch_without_empty_names() {
        let output = "A   trunk/\nU   trunk/a\n_U  trunk/ü/\nD   branches/old/\nA   branches/new/\nA   x\n\n";
        let branches = branches(output.as_bytes(), Split::Branches);
        let expected = [
            (None, vec!["x".to_owned()]),
            (Some("branches/new".to_owned()), vec![]),
            (Some("trunk".to_owned()), vec!["a".to_owned(), "ü/".to_owned()]),
        ];
        assert_eq!(branches, BTreeMap::from(expected));
    }

    #[test]
    fn without_splitting_all_is_one_change() {
        let output = "A   trunk/a\nD   branches/old/\n";
        let all = vec!["trunk/a".to_owned(), "branches/old/".to_owned()];
        assert_eq!(branches(output.as_bytes(), Split::None), BTreeMap::from([(None, all)]));
    }

    #[test]
    fn reads_the_information_of_a_revision() {
        let info = Info::parse("ann\n2026-01-31 12:00:00 +0100 (Sat, 31 Jan 2026)\n9\none\n\ntwo ü\n".as_bytes());
        assert_eq!((info.author.as_str(), info.comments.as_str()), ("ann", "one\n\ntwo ü"));
        assert_eq!(info.when, Some(1_769_857_200));
        let nobody = Info::parse(b"\n\n0\n\n");
        assert_eq!((nobody.author.as_str(), nobody.when, nobody.comments.as_str()), ("(no author)", None, ""));
    }
}
