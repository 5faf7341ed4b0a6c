//! `file`: a file, its folder, and a disk that is full.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use hookd_sinks::Sink;
use hookd_sinks::contract::{Behaviour, Peer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::sinks::try_build_in;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("there")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Undoes what it did to misbehave.
    fn mend(&self) {
        if self.path("gone").exists() {
            fs::rename(self.path("gone"), self.path("there")).unwrap();
        }
        let file = self.path("there/changes.jsonl");
        if file.is_symlink() {
            fs::remove_file(&file).unwrap();
            if self.path("there/aside").exists() {
                fs::rename(self.path("there/aside"), &file).unwrap();
            }
        }
    }
}

impl Peer for Folder {
    fn sink(&self) -> Box<dyn Sink> {
        try_build_in(self.0.path(), "file", json!({"path": "there/changes.jsonl"})).unwrap()
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        match behaviour {
            // A file takes any change, and a write has an answer.
            Behaviour::Refuse(_) | Behaviour::TakeSilently => return false,
            Behaviour::Take => self.mend(),
            Behaviour::TakeNone => {
                self.mend();
                let file = self.path("there/changes.jsonl");
                if file.exists() {
                    fs::rename(&file, self.path("there/aside")).unwrap();
                }
                symlink("/dev/full", file).unwrap();
            }
            Behaviour::Misconfigured => {
                self.mend();
                fs::rename(self.path("there"), self.path("gone")).unwrap();
            }
        }
        true
    }

    fn arrived(&self) -> Vec<String> {
        let places = ["there/aside", "there/changes.jsonl", "gone/changes.jsonl"].map(|name| self.path(name));
        let path = places.into_iter().find(|path| path.is_file() && !path.is_symlink());
        let text = path.map(|path| fs::read_to_string(path).unwrap()).unwrap_or_default();
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["hookd_id"].as_str().unwrap().to_owned();
        // A crash may have torn the last line.
        text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(id).collect()
    }
}

hookd_sinks::contract_tests!(Folder::new());
