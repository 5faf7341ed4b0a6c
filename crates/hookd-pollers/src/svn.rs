//! The poller `svn`: a Subversion repository, or a folder in one, as Buildbot's `SVNPoller`.
//!
//! The position is the newest revision that was read, under the UUID of the repository. A poll reads the revisions after it,
//! oldest first, in pages: however many there are, none is missed. A repository that is another one than before, or an
//! older copy of itself, is read from its newest revision on.

mod changes;
mod commands;
mod log;
mod split;

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use hookd_core::{Problem, Secret};
use hookd_store::Positions;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::changes::{Recipe, RevlinkTemplate, is_made_above};
use self::commands::{Commands, LogRange};
use self::log::{Action, Entry, Info};
use self::split::Split;
use crate::folder::WorkFolder;
use crate::{Poll, PollError, Polled, Poller, PollerContext, PollerOptions, PollerType};

/// The options of the poller `svn`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Options {
    /// The URL of the repository, or of a folder in it: `https://`, `http://`, `svn://`, `svn+ssh://` or `file://`. It is also
    /// the `repository` of the changes.
    repourl: String,

    /// How paths name branches. `"none"`: they do not, and all changes are of the default branch; `repourl` may then be that of
    /// a branch. `"branches"`: what is in `trunk` is the default branch, what is in `branches/NAME` is the branch
    /// `branches/NAME`, and all else is ignored; `repourl` is the folder with both. `"projects_branches"`: the same within
    /// each folder of `repourl`, which names the project. A table names other folders:
    /// `{ trunk = "trunk", branches = ["branches", "releases"], projects = false }`.
    ///
    /// A revision that touches several branches makes a change for each.
    #[serde(default)]
    split_file: Split,

    /// The user at the server.
    svnuser: Option<String>,

    /// The password at the server. It reaches `svn` through its standard input, which needs Subversion 1.10 or later.
    svnpasswd: Option<Secret>,

    /// How many revisions are read at a time. There may be more: they follow at once.
    #[serde(default = "default_histmax")]
    #[schemars(range(min = 1, max = 100_000))]
    histmax: u32,

    /// A page about a revision, with `%s` for its number: `"https://svn.example.org/view?revision=%s"`.
    revlinktmpl: Option<String>,

    /// The program. One with a slash in its name is found from the folder of the configuration file, others in `PATH`.
    #[serde(default = "default_svnbin")]
    svnbin: PathBuf,

    /// A configuration folder of Subversion, such as `~/.subversion` of a user, for client certificates, proxies and the
    /// like. Without it, the poller has one of its own.
    config_dir: Option<PathBuf>,

    /// What may be wrong with the certificate of the server. Without it, only certificates that the system trusts are
    /// accepted.
    #[serde(default)]
    trust_server_cert: Vec<CertificateFailure>,

    /// Buildbot's file for the newest revision that was read. hookd keeps that in its store: leave this option out.
    cachepath: Option<Value>,

    /// Buildbot's further arguments for `svn`. hookd has options for what they are used for: leave this option out.
    extra_args: Option<Value>,
}

/// What may be wrong with a certificate.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum CertificateFailure {
    /// It was issued by nobody who is trusted.
    UnknownCa,
    /// It is for another host.
    CnMismatch,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// Anything else.
    Other,
}

impl CertificateFailure {
    fn name(self) -> &'static str {
        match self {
            Self::UnknownCa => "unknown-ca",
            Self::CnMismatch => "cn-mismatch",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Other => "other",
        }
    }
}

fn default_histmax() -> u32 {
    100
}

fn default_svnbin() -> PathBuf {
    "svn".into()
}

impl PollerOptions for Options {
    fn build(self, context: &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut check = |option: &str, result: Result<(), String>| {
            problems.extend(result.err().map(|message| Problem::with(option, message)));
        };
        let repourl = self.repourl.trim_end_matches('/').to_owned();
        check("repourl", commands::check_url(&repourl));
        check("svnuser", self.svnuser.as_deref().map_or(Ok(()), check_line));
        check("histmax", if self.histmax > 0 { Ok(()) } else { Err("expected at least 1".to_owned()) });
        let leave_out = |option: &Option<Value>, why: &str| if option.is_some() { Err(why.to_owned()) } else { Ok(()) };
        check("cachepath", leave_out(&self.cachepath, "hookd keeps the revision in its store: leave this option out"));
        let why = "`svn` gets no other arguments: see `svnuser`, `svnpasswd`, `config_dir` and `trust_server_cert`";
        check("extra_args", leave_out(&self.extra_args, why));
        let template = self.revlinktmpl.filter(|template| !template.is_empty());
        let revlink = match template.as_deref().map(RevlinkTemplate::parse).transpose() {
            Ok(revlink) => revlink,
            Err(message) => {
                check("revlinktmpl", Err(message));
                None
            }
        };
        let password = match self.svnpasswd.map(|secret| context.text(&secret)).transpose() {
            Ok(password) => password,
            Err(message) => {
                check("svnpasswd", Err(message));
                None
            }
        };
        if password.is_some() && self.svnuser.is_none() {
            check("svnpasswd", Err("a password needs its user, in `svnuser`".to_owned()));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let failures = self.trust_server_cert.iter().map(|failure| failure.name()).collect();
        let config_folder = self.config_dir.map(|folder| context.path(&folder));
        let commands = Commands::new(
            context.program(&self.svnbin),
            repourl.clone(),
            self.svnuser,
            password,
            failures,
            config_folder,
        );
        Ok(Box::new(Svn {
            commands,
            folder: context.folder.to_owned(),
            histmax: self.histmax,
            recipe: Recipe { repository: repourl, split: self.split_file, revlink },
        }))
    }
}

/// Whether a text can be one line.
fn check_line(text: &str) -> Result<(), String> {
    if text.chars().any(char::is_control) { Err("it has a control character".to_owned()) } else { Ok(()) }
}

struct Svn {
    commands: Commands,
    folder: PathBuf,
    histmax: u32,
    recipe: Recipe,
}

/// Where a poll continues.
enum At {
    /// Nowhere: this poll sets the baseline.
    Baseline,
    /// After this revision.
    After(u64),
    /// At the newest revision, for this reason.
    Reset(&'static str),
}

impl At {
    fn new(positions: Option<&Positions>, info: &Info) -> Self {
        let Some(positions) = positions else { return Self::Baseline };
        match positions.at.get(&info.uuid).map(|position| position.parse::<u64>()) {
            Some(Ok(revision)) if revision <= info.youngest => Self::After(revision),
            Some(_) => Self::Reset("the repository has fewer revisions than before, as if restored from a backup"),
            None => Self::Reset("the repository is another one than before"),
        }
    }
}

/// Revisions that were read.
struct Page {
    entries: Vec<Entry>,
    /// The newest revision up to which all were read.
    until: u64,
}

impl Svn {
    async fn read(&self, positions: Option<&Positions>) -> Result<Polled, String> {
        let folder = WorkFolder::lock(&self.folder)?;
        let info = self.commands.info(&folder).await?;
        let (page, note) = match At::new(positions, &info) {
            At::Baseline => (Page { entries: Vec::new(), until: info.youngest }, None),
            At::After(revision) if revision == info.youngest => return Ok(Polled::default()),
            At::After(revision) => (self.page(&folder, &info, revision + 1).await?, None),
            At::Reset(why) => {
                let newest = LogRange { from: info.changed, until: info.changed, limit: 1 };
                let entries = if info.changed > 0 { self.log(&folder, &info, newest).await? } else { Vec::new() };
                let note = format!("{why}: it is read from its newest revision on");
                (Page { entries, until: info.youngest }, Some(note))
            }
        };
        let mut deleted = Vec::new();
        let changes: Vec<_> =
            page.entries.iter().flat_map(|entry| self.recipe.changes(entry, &info.path, &mut deleted)).collect();
        let gone = positions.into_iter().flat_map(|positions| positions.at.keys()).filter(|uuid| **uuid != info.uuid);
        let mut set: Vec<_> = gone.map(|uuid| (uuid.clone(), None)).collect();
        set.push((info.uuid.clone(), Some(page.until.to_string())));
        let deleted = (!deleted.is_empty()).then(|| {
            deleted.sort();
            deleted.dedup();
            format!("branches were deleted, which makes no change: `{}`", deleted.join("`, `"))
        });
        let notes: Vec<String> = note.into_iter().chain(deleted).collect();
        Ok(Polled {
            changes,
            set,
            note: (!notes.is_empty()).then(|| notes.join("; ")),
            has_more: page.until < info.youngest,
            ..Polled::default()
        })
    }

    /// The revisions from this one on, as many as are read at a time.
    async fn page(&self, folder: &WorkFolder, info: &Info, from: u64) -> Result<Page, String> {
        let mut limit = self.histmax;
        loop {
            let range = LogRange { from, until: info.youngest, limit };
            let entries = match self.commands.log(folder, info, range).await {
                // A few revisions with very many files.
                Err(error) if error.is_too_much() && limit > 1 => {
                    limit = limit.div_ceil(8);
                    continue;
                }
                read => self.complete(folder, info, range, read).await?,
            };
            let is_full = entries.len() >= limit as usize;
            let last = entries.last().map(|entry| entry.revision);
            let until = if is_full { last.unwrap_or(info.youngest) } else { info.youngest };
            return Ok(Page { entries, until });
        }
    }

    async fn log(&self, folder: &WorkFolder, info: &Info, range: LogRange) -> Result<Vec<Entry>, String> {
        let read = self.commands.log(folder, info, range).await;
        self.complete(folder, info, range, read).await
    }

    /// The log of a folder follows the folder that is there now. If that was deleted and made anew in these revisions, those
    /// of the one before it are missing: then the log of the whole repository is read.
    async fn complete(
        &self,
        folder: &WorkFolder,
        info: &Info,
        range: LogRange,
        read: Result<Vec<Entry>, commands::LogError>,
    ) -> Result<Vec<Entry>, String> {
        let is_whole = |entries: &[Entry]| {
            let later = entries.iter().filter(|entry| entry.revision > range.from);
            !later.flat_map(|entry| &entry.paths).any(|touched| {
                let is_made = matches!(touched.action, Action::Added | Action::Replaced);
                is_made_above(touched, &info.path) || (is_made && touched.path == info.path)
            })
        };
        match read {
            Ok(entries) if info.path.is_empty() || is_whole(&entries) => Ok(entries),
            // Where the root must not be read, there is no more to be known.
            Ok(entries) => Ok(self.commands.log_of_root(folder, info, range).await.unwrap_or(entries)),
            Err(error) if error.is_no_such_path() && !info.path.is_empty() => {
                let whole = self.commands.log_of_root(folder, info, range).await;
                whole.map_err(|_| error.into_message())
            }
            Err(error) => Err(error.into_message()),
        }
    }
}

impl Poller for Svn {
    fn poll<'a>(&'a self, poll: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        Box::pin(async move { self.read(poll.positions).await.map_err(PollError) })
    }

    fn repository(&self) -> String {
        self.recipe.repository.clone()
    }
}

inventory::submit! {
    PollerType::new::<Options>("svn", "A Subversion repository, as Buildbot's `SVNPoller`.")
}
