//! The poller `hg` with real repositories.

mod addresses;
mod clone;
mod history;
mod names;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::polling::Polling;
use crate::tools::{run, text};

/// A repository that a test makes.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// One with a first revision.
    pub(crate) fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.create();
        this.commit("first", &[("first", "1")]);
        this
    }

    fn create(&self) {
        run(Command::new("hg").env("HGRCPATH", "/dev/null").arg("init").arg(self.path()));
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
        self.folder.path().join("source")
    }

    pub(crate) fn hg(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("hg");
        let settings = ["--config", "extensions.strip=", "--config", "ui.username=Jürgen <me@example.org>"];
        let command = command.env("HGRCPATH", "/dev/null").env("HGPLAIN", "1").env("HGENCODING", "utf-8");
        run(command.arg("-R").arg(self.path()).args(settings).args(arguments))
    }

    /// Commits these files, and returns the hash.
    pub(crate) fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            let file = self.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
        }
        self.hg(&["commit", "--quiet", "--addremove", "--message", message]);
        self.hash(".")
    }

    /// Commits on another branch, from this revision on.
    pub(crate) fn commit_on(&self, branch: &str, from: &str, message: &str, file: &str) -> String {
        self.hg(&["update", "--quiet", "--clean", "--rev", from]);
        self.hg(&["branch", "--quiet", "--force", "--", branch]);
        self.commit(message, &[(file, message)])
    }

    /// Merges one revision into another.
    pub(crate) fn merge(&self, into: &str, from: &str, message: &str) -> String {
        self.hg(&["update", "--quiet", "--clean", "--rev", into]);
        self.hg(&["merge", "--quiet", "--rev", from]);
        self.commit(message, &[])
    }

    pub(crate) fn hash(&self, revision: &str) -> String {
        self.hg(&["log", "--rev", revision, "--template", "{node}"])
    }

    pub(crate) fn options(&self) -> Value {
        json!({"repourl": text(self.path())})
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A poller of it, which has set its baseline.
    pub(crate) async fn polled(&self, options: &Value) -> Polling {
        let mut polling = Polling::new("hg", options, &self.work());
        assert_eq!(polling.poll().await, [], "the first poll sets the baseline");
        polling
    }
}
