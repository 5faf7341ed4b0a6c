//! The poller `svn` with real repositories.

mod addresses;
mod history;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::polling::Polling;
use crate::tools::{run, script, text};

/// A repository that a test makes, with a working copy.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// One with `trunk` and `branches`, as revision 1.
    pub(crate) fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.create();
        this.svn(&["mkdir", "--message", "first", "--", &this.at("trunk"), &this.at("branches")]);
        this
    }

    fn create(&self) {
        run(Command::new("svnadmin").arg("create").arg(self.path()));
        // So that tests can change what a revision says of itself.
        script(&self.path().join("hooks/pre-revprop-change"), "exit 0");
    }

    /// Another one in its place.
    pub(crate) fn replace(&self) {
        fs::remove_dir_all(self.path()).unwrap();
        self.create();
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// The URL of something in it.
    pub(crate) fn at(&self, path: &str) -> String {
        // A last `@` ends the path, and begins the revision.
        format!("{}/{path}@", self.url())
    }

    pub(crate) fn svn(&self, arguments: &[&str]) -> String {
        let config = self.folder.path().join("user");
        let mut command = Command::new("svn");
        run(command.arg("--non-interactive").arg("--config-dir").arg(config).args(arguments))
    }

    /// Commits these files: a text, or `None` to delete it. Folders are made.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, Option<&str>)]) {
        let copy = tempfile::tempdir_in(self.folder.path()).unwrap();
        let at = text(copy.path().join("copy"));
        self.svn(&["checkout", "--quiet", "--", &self.at(""), &at]);
        for (path, content) in files {
            let file = Path::new(&at).join(path);
            let target = format!("{}@", file.display());
            match content {
                Some(content) => {
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(&file, content).unwrap();
                    self.svn(&["add", "--quiet", "--force", "--parents", "--", &target]);
                }
                None => {
                    self.svn(&["delete", "--quiet", "--", &target]);
                }
            }
        }
        self.svn(&["commit", "--quiet", "--message", message, "--", &at]);
    }

    /// Commits a file to `trunk` this many times.
    pub(crate) fn commits(&self, count: usize) {
        let copy = tempfile::tempdir_in(self.folder.path()).unwrap();
        let at = text(copy.path().join("copy"));
        self.svn(&["checkout", "--quiet", "--", &self.at("trunk"), &at]);
        for n in 0..count {
            let file = format!("{at}/many");
            fs::write(&file, n.to_string()).unwrap();
            self.svn(&["add", "--quiet", "--force", "--", &file]);
            self.svn(&["commit", "--quiet", "--message", &format!("many {n}"), "--", &at]);
        }
    }

    pub(crate) fn options(&self) -> Value {
        json!({"repourl": self.url()})
    }

    /// A poller of it, which has set its baseline.
    pub(crate) async fn polled(&self, options: &Value) -> Polling {
        let mut polling = Polling::new("svn", options, &self.folder.path().join("work"));
        assert_eq!(polling.poll().await, [], "the first poll sets the baseline");
        polling
    }
}
