//! A repository, and a poller of it whose positions are kept as the store keeps them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hookd_core::{Change, Problem, Secret, SecretSource};
use hookd_pollers::{Poll, PollError, Polled, Poller, PollerContext, PollerType};
use hookd_store::{MemoryStore, Positions, SharedStore, Timestamp};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// A moment, in seconds since 1970: that of the first commit.
pub(crate) const NOON: i64 = 1_700_000_000;

/// Runs git in a folder, with nothing of the user's configuration.
pub(crate) fn git_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut git = Command::new("git");
    git.args(arguments).current_dir(folder).env_clear();
    git.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    git.envs(environment.iter().copied()).output().unwrap()
}

/// Feeds a stream to `git fast-import`.
pub(crate) fn import(repo: &Repo, stream: &[u8]) {
    let mut git = Command::new("git");
    git.args(["fast-import", "--quiet", "--force"]).current_dir(repo.folder.path()).stdin(Stdio::piped());
    let mut git = git.spawn().unwrap();
    git.stdin.take().unwrap().write_all(stream).unwrap();
    assert!(git.wait().unwrap().success());
}

/// A repository that is polled, with a work tree to make commits in.
pub(crate) struct Repo {
    pub(crate) folder: TempDir,
    commits: Cell<i64>,
}

impl Repo {
    /// An empty one, whose branch is `main`.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// One made with these options of `git init`.
    pub(crate) fn with(options: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-git-").tempdir().unwrap();
        let repo = Self { folder, commits: Cell::new(0) };
        repo.git(&[&["init", "--quiet", "--initial-branch=main"], options].concat());
        repo
    }

    /// One with a commit `first` on `main`.
    pub(crate) fn started() -> Self {
        let repo = Self::new();
        repo.commit("first");
        repo
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.folder.path().display())
    }

    /// Runs git in it, and returns what it prints.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let date = format!("{} +0200", NOON + self.commits.get());
        let environment = [
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.org"),
            ("GIT_COMMITTER_NAME", "Bob"),
            ("GIT_COMMITTER_EMAIL", "bob@example.org"),
            ("GIT_AUTHOR_DATE", &date),
            ("GIT_COMMITTER_DATE", &date),
        ];
        let output = git_in(self.folder.path(), arguments, &environment);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Commits what is in the work tree.
    pub(crate) fn commit_all(&self, message: &str) -> String {
        self.commits.set(self.commits.get() + 1);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.head()
    }

    /// A commit with this message, of a file of the same name.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.write(message, message);
        self.commit_all(message)
    }

    /// Merges a branch.
    pub(crate) fn merge(&self, branch: &str) -> String {
        self.commits.set(self.commits.get() + 1);
        self.git(&["merge", "--quiet", "--no-ff", "--message", &format!("merge {branch}"), branch]);
        self.head()
    }

    /// Merges a branch, and takes what is in conflict as it lies there.
    pub(crate) fn merge_anyhow(&self, branch: &str, message: &str) {
        let options = ["merge", "--quiet", "--no-ff", "--no-commit", "--strategy-option=ours", branch];
        git_in(
            self.folder.path(),
            &options,
            &[("GIT_COMMITTER_NAME", "Bob"), ("GIT_COMMITTER_EMAIL", "bob@example.org")],
        );
        self.commit_all(message);
    }

    /// Makes a branch of the current commit, and goes there.
    pub(crate) fn branch(&self, name: &str) {
        self.git(&["checkout", "--quiet", "-b", name]);
    }

    /// Goes to a branch.
    pub(crate) fn checkout(&self, name: &str) {
        self.git(&["checkout", "--quiet", name]);
    }

    /// Deletes a branch.
    pub(crate) fn delete(&self, name: &str) {
        self.git(&["branch", "--quiet", "-D", name]);
    }

    /// Deletes what no ref reaches, as a server does some day.
    pub(crate) fn forget(&self) {
        self.git(&["reflog", "expire", "--expire=now", "--all"]);
        self.git(&["gc", "--quiet", "--prune=now"]);
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }
}

/// Secrets that stand in the options.
struct Plain;

impl SecretSource for Plain {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) => Ok(text.clone().into_bytes()),
            _ => Err("the tests have none".to_owned()),
        }
    }
}

/// The type that these tests are about.
pub(crate) fn git_type() -> &'static PollerType {
    inventory::iter::<PollerType>.into_iter().find(|poller_type| poller_type.name == "git").unwrap()
}

/// A poller with these options.
pub(crate) fn build(options: Value, folder: &Path) -> Result<Box<dyn Poller>, Vec<Problem>> {
    let Value::Object(options) = options else { panic!("options are a table") };
    let context = PollerContext { name: "tea", folder, config_folder: Path::new("/etc/hookd"), secrets: &Plain };
    (git_type().build)(options, &context)
}

/// The options of a poller of this address, and others.
pub(crate) fn options(url: &str, others: Value) -> Value {
    let mut options = Map::from_iter([("repourl".to_owned(), json!(url))]);
    let Value::Object(others) = others else { panic!("options are a table") };
    options.extend(others);
    Value::Object(options)
}

/// A poller and its positions.
pub(crate) struct Polling {
    pub(crate) poller: Box<dyn Poller>,
    pub(crate) store: SharedStore,
    pub(crate) positions: Option<Positions>,
    /// What the poller takes for the time.
    pub(crate) now: Timestamp,
    pub(crate) folder: PathBuf,
    _parent: TempDir,
}

impl Polling {
    /// A poller of a repository, which has not polled yet.
    pub(crate) fn new(repo: &Repo, others: Value) -> Self {
        Self::of(&repo.url(), others)
    }

    /// A poller of an address.
    pub(crate) fn of(url: &str, others: Value) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("work");
        let poller = build(options(url, others), &folder).unwrap();
        let store: SharedStore = Arc::new(MemoryStore::new());
        let now = Timestamp::from_micros(NOON * 1_000_000);
        Self { poller, store, positions: None, now, folder, _parent: parent }
    }

    /// One that has polled once.
    pub(crate) async fn begun(repo: &Repo, others: Value) -> Self {
        let mut polling = Self::new(repo, others);
        let polled = polling.poll().await;
        assert_eq!((polled.changes.len(), polled.error), (0, None), "the first poll sets the baseline");
        polling
    }

    /// Another poller, with other options, that goes on here.
    pub(crate) fn reconfigure(&mut self, repo: &Repo, others: Value) {
        self.poller = build(options(&repo.url(), others), &self.folder).unwrap();
    }

    /// Polls, and does not store the result.
    pub(crate) async fn peek(&self) -> Result<Polled, PollError> {
        self.poller.poll(Poll { positions: self.positions.as_ref(), store: &self.store, now: self.now }).await
    }

    /// Stores a result.
    pub(crate) fn keep(&mut self, polled: &Polled) {
        let now = self.now;
        let positions = self.positions.get_or_insert_with(|| Positions {
            version: 0,
            polled_at: now,
            changed_at: None,
            at: BTreeMap::new(),
        });
        positions.version += 1;
        for (key, position) in &polled.set {
            match position {
                Some(position) => drop(positions.at.insert(key.clone(), position.clone())),
                None => drop(positions.at.remove(key)),
            }
        }
    }

    /// Polls once.
    pub(crate) async fn poll(&mut self) -> Polled {
        let polled = self.peek().await.unwrap();
        self.keep(&polled);
        polled
    }

    /// Polls until there is no more, and returns all changes.
    pub(crate) async fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            let polled = self.poll().await;
            assert_eq!(polled.error, None);
            changes.extend(polled.changes);
            if !polled.has_more {
                return changes;
            }
        }
    }

    /// The same, as branch and first line of the message.
    pub(crate) async fn reported(&mut self) -> Vec<String> {
        reported(&self.changes().await)
    }

    /// The position of a ref.
    pub(crate) fn at(&self, key: &str) -> Option<&str> {
        self.positions.as_ref()?.at.get(key).map(String::as_str)
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = self.now.saturating_add(Duration::from_secs(seconds));
    }
}

/// Changes as branch and first line of the message.
pub(crate) fn reported(changes: &[Change]) -> Vec<String> {
    let reported = |change: &Change| {
        let subject = change.comments.lines().next().unwrap_or_default();
        format!("{}: {subject}", change.branch.as_deref().unwrap_or_default())
    };
    changes.iter().map(reported).collect()
}
