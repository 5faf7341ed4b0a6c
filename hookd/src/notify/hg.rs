//! `hookd notify hg`: the hook `changegroup` of a Mercurial repository, or `incoming`, `commit` and `pretxnchangegroup`.
//!
//! One change for each changeset between `HG_NODE` and `HG_NODE_LAST`, which are those of this push and not what others
//! pushed meanwhile. Fields are those of `hgbuildbot.py`. What Mercurial prints has its texts in hexadecimal, so that names
//! and messages may contain anything.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::change::{Change, Push, delivery_id, text};
use super::command::{Command, Failed};
use super::{Common, Deadline, Failure, Opened, Settings};

/// Arguments of `hookd notify hg`.
#[derive(Debug, Args)]
pub(crate) struct HgArgs {
    #[command(flatten)]
    common: Common,

    /// What the branch of a change is; by default `inrepo`.
    #[arg(long)]
    branchtype: Option<BranchType>,

    /// The branch of all changes, with `--branchtype dirname`, instead of the folder's name.
    #[arg(long)]
    branch: Option<String>,
}

/// What the branch of a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BranchType {
    /// The named branch of the changeset.
    Inrepo,
    /// The name of the folder of the repository.
    Dirname,
}

/// The sections of the configuration that count, the first one first, and names of others that `hgbuildbot.py` reads.
const SECTIONS: [&str; 2] = ["hookd.", "hgbuildbot."];
const FALLBACKS: [(&str, &str); 2] = [("web.baseurl", "baseurl"), ("notify.strip", "strip")];

/// One line a changeset: texts in hexadecimal, separated by blanks, the files by commas.
const TEMPLATE: &str =
    r#"{node} {p2node} {date|hgdate} {branch|hex}. {author|hex}. {desc|hex}. {files % "{file|hex},"}.\n"#;

impl HgArgs {
    pub(crate) fn common(&self) -> &Common {
        &self.common
    }

    /// Finds the repository that this is the hook of, and reads its configuration.
    pub(crate) fn open(&self, reading: Deadline) -> Result<Opened<'_>, Failure> {
        let root = root()?;
        let mut hg = Hg { root: root.clone(), reading };
        let mut common = self.common.clone();
        let (mut branchtype, mut branch) = (self.branchtype, self.branch.clone());
        let items = hg.configuration()?;
        for section in SECTIONS {
            let has_masters = common.has_masters();
            for Item { name: place, value } in &items {
                let Some(name) = place.strip_prefix(section) else { continue };
                match name {
                    "master" if has_masters => {}
                    "branch" => branch = branch.or_else(|| Some(value.clone())),
                    "branchtype" => {
                        let read = BranchType::from_str(value, true).map_err(|_| {
                            Failure::invalid(format!("`{place}` is `{value}`, expected `inrepo` or `dirname`"))
                        })?;
                        branchtype = branchtype.or(Some(read));
                    }
                    // Others are for the script alone, such as `venv`.
                    _ => drop(common.take(name, value, place)?),
                }
            }
        }
        for (place, name) in FALLBACKS {
            if let Some(item) = items.iter().find(|item| item.name == place) {
                common.take(name, &item.value, place)?;
            }
        }
        let settings = common.settle(&root)?;
        // The configuration may have said so.
        hg.reading = reading.with_limit(settings.timeout).for_reading();
        let fixed = match branchtype.unwrap_or(BranchType::Inrepo) {
            BranchType::Inrepo => None,
            BranchType::Dirname => branch.or_else(|| Some(text(root.file_name()?.as_encoded_bytes()))),
        };
        let read = Box::new(move |settings: &Settings, _: &mut dyn std::io::Read| hg.push(settings, fixed.as_deref()));
        Ok(Opened { settings, is_strict: common.is_strict(), read })
    }
}

/// The repository: the folder of the hook, or one above it.
fn root() -> Result<PathBuf, Failure> {
    let here = env::current_dir().and_then(|folder| folder.canonicalize());
    let here = here.map_err(|error| Failure::Unread(format!("the current folder: {error}")))?;
    let root = here.ancestors().find(|folder| folder.join(".hg").is_dir()).map(Path::to_owned);
    root.ok_or_else(|| Failure::invalid(format!("no repository of Mercurial at {} or above", here.display())))
}

/// A value of the configuration.
#[derive(Debug, Deserialize)]
struct Item {
    /// Section and name: `hgbuildbot.master`.
    name: String,
    #[serde(deserialize_with = "any_value")]
    value: String,
}

/// A value as text: Mercurial writes those that it knows to be numbers as such.
fn any_value<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

struct Hg {
    root: PathBuf,
    reading: Deadline,
}

impl Hg {
    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut all: Vec<OsString> = vec!["--repository".into(), self.root.clone().into(), "--noninteractive".into()];
        all.extend(arguments.iter().map(|&argument| argument.into()));
        let command = Command {
            // Mercurial names itself to its hooks.
            program: env::var_os("HG").filter(|path| Path::new(path).is_absolute()).unwrap_or_else(|| "hg".into()),
            arguments: all,
            environment: vec![("HGPLAIN", "1"), ("HGENCODING", "UTF-8"), ("HGENCODINGMODE", "replace")],
            input: Vec::new(),
        };
        command.run(self.reading.left())
    }

    /// What the configuration of the repository says.
    fn configuration(&self) -> Result<Vec<Item>, Failure> {
        let names = ["hookd", "hgbuildbot", "web.baseurl", "notify.strip"];
        let output = match self.run(&[&["config", "--template", "json"][..], &names].concat()) {
            Ok(output) => output,
            // There is none of them.
            Err(Failed::Exited { code: 1, .. }) => return Ok(Vec::new()),
            Err(failed) => return Err(failed.into()),
        };
        // The output has passwords in it, and is not repeated.
        serde_json::from_slice(&output)
            .map_err(|error| Failure::Unread(format!("`hg config` printed no JSON: {error}")))
    }

    fn push(&self, settings: &Settings, branch: Option<&str>) -> Result<Push, Failure> {
        let (first, last) = nodes()?;
        let most = (settings.max_changes + 1).to_string();
        let last_revision = if last.is_empty() { first.as_str() } else { last.as_str() };
        let revisions = format!("last({first}:{last_revision}, {most})");
        let output = self.run(&["log", "--rev", &revisions, "--template", TEMPLATE])?;
        let mut changesets = Vec::new();
        for line in output.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let changeset = Changeset::parse(line);
            changesets.push(changeset.ok_or_else(|| Failure::Unread("`hg log` printed something else".to_owned()))?);
        }
        let mut notes = Vec::new();
        let is_incomplete = changesets.len() > settings.max_changes;
        if is_incomplete {
            changesets.remove(0);
            notes.push(format!("more than {} changes: only the newest are reported", settings.max_changes));
        }
        let mut changes: Vec<Change> =
            changesets.into_iter().map(|changeset| changeset.into_change(settings, branch)).collect();
        if let Some(change) = changes.last_mut().filter(|_| is_incomplete) {
            change.properties.insert("is_incomplete".to_owned(), true.into());
        }
        let root = self.root.as_os_str().as_encoded_bytes();
        let id = delivery_id("hg", &[root, first.as_bytes(), last.as_bytes()]);
        Ok(Push { id, changes, notes })
    }
}

/// The first and the last changeset, as Mercurial tells its hooks; no last one where the hook is for one changeset.
fn nodes() -> Result<(String, String), Failure> {
    let node = |name: &str| match env::var_os(name) {
        None => Ok(None),
        Some(value) => match value.to_str().filter(|value| is_node(value)) {
            Some(value) => Ok(Some(value.to_owned())),
            None => Err(Failure::invalid(format!("`{name}` is no changeset"))),
        },
    };
    let first = node("HG_NODE")?.ok_or_else(|| {
        Failure::invalid("no `HG_NODE`: this is for a hook of Mercurial, such as `changegroup` or `incoming`")
    })?;
    Ok((first, node("HG_NODE_LAST")?.unwrap_or_default()))
}

fn is_node(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A changeset.
#[derive(Debug, PartialEq, Eq)]
struct Changeset {
    node: String,
    is_merge: bool,
    /// When it was made, in seconds since 1970.
    when: Option<i64>,
    branch: String,
    author: String,
    comments: String,
    files: Vec<String>,
}

impl Changeset {
    /// A line of [`TEMPLATE`].
    fn parse(line: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        let mut fields = line.split(' ');
        let mut next = || fields.next();
        let (node, second_parent) = (next()?, next()?);
        // Then the offset of its time zone.
        let (when, _) = (next()?.parse().ok(), next()?);
        let mut words = || Some(next()?.strip_suffix('.')?.to_owned());
        let (branch, author, comments, files) = (words()?, words()?, words()?, words()?);
        let files = files.split(',').filter(|file| !file.is_empty()).map(decoded);
        Some(Self {
            node: node.to_owned(),
            is_merge: second_parent.bytes().any(|byte| byte != b'0'),
            when,
            branch: decoded(&branch)?,
            author: decoded(&author)?,
            comments: decoded(&comments)?,
            files: files.collect::<Option<_>>()?,
        })
    }

    fn into_change(self, settings: &Settings, branch: Option<&str>) -> Change {
        let mut files = self.files;
        if self.is_merge && files.is_empty() {
            // As `hgbuildbot.py` has it: a Buildbot wanted a file at least.
            files.push("merge".to_owned());
        }
        Change {
            author: self.author,
            committer: None,
            branch: Some(branch.map_or(self.branch, str::to_owned)),
            category: settings.category.clone(),
            codebase: settings.codebase.clone(),
            comments: self.comments,
            files,
            project: settings.project.clone(),
            properties: Map::from_iter([("is_merge".to_owned(), Value::from(self.is_merge))]),
            repository: settings.repository.clone(),
            revision: self.node,
            when: self.when,
        }
    }
}

fn decoded(hexadecimal: &str) -> Option<String> {
    hex::decode(hexadecimal).ok().map(|bytes| text(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_the_template() {
        let (node, zero) = ("1".repeat(40), "0".repeat(40));
        let line = format!(
            "{node} {zero} 17 -3600 {}. {}. {}. {},{},.",
            hex::encode("default"),
            hex::encode("Ann ü"),
            hex::encode("one\n\0two"),
            hex::encode("a b"),
            hex::encode(b"c\xff")
        );
        let changeset = Changeset::parse(line.as_bytes()).unwrap();
        assert_eq!((changeset.author.as_str(), changeset.comments.as_str()), ("Ann ü", "one\n\0two"));
        assert_eq!(changeset.files, ["a b", "c\u{fffd}"]);
        assert_eq!((changeset.is_merge, changeset.when), (false, Some(17)));
        let merge = format!("{node} {node} -1 0 . . . .");
        let merge = Changeset::parse(merge.as_bytes()).unwrap();
        assert_eq!((merge.is_merge, merge.files.len(), merge.when), (true, 0, Some(-1)));
        for wrong in ["", "x", "x y 1 0 zz. . . ."] {
            assert_eq!(Changeset::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
