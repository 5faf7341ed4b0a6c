//! Subversion.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Buildbot, as_buildbot, keyed};
use crate::polling::Polling;
use crate::svn::Repository;
use crate::tools::text;

const REVISIONS: usize = 100;

/// A history that grows, in a working copy.
struct History {
    repository: Repository,
    copy: PathBuf,
    rng: Rng,
    branches: BTreeSet<String>,
}

impl History {
    fn new() -> Self {
        let repository = Repository::new();
        repository.svn(&["mkdir", "--message", "folders", "--", &repository.at("tags"), &repository.at("trunk-old")]);
        let copy = repository.folder().join("copy");
        repository.svn(&["checkout", "--quiet", "--", &repository.at(""), &text(&copy)]);
        Self { repository, copy, rng: Rng::with_seed(14), branches: ["trunk".to_owned()].into() }
    }

    fn svn(&self, arguments: &[&str]) {
        self.repository.svn(arguments);
    }

    /// An argument for a path in the working copy, whatever it has in it.
    fn arg(&self, path: &str) -> String {
        format!("{}@", self.copy.join(path).display())
    }

    fn files(&self, branch: &str) -> Vec<String> {
        let mut folders = vec![self.copy.join(branch)];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(text(path.strip_prefix(&self.copy).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    fn branch(&mut self) -> String {
        let branches: Vec<&String> = self.branches.iter().collect();
        (*self.rng.choice(&branches).unwrap()).clone()
    }

    fn edit(&mut self, branch: &str, number: usize) {
        let name = *self.rng.choice(&["a", "b", "dir/c", "dir/ü ö@1", "deep/er/<&>", "日本"]).unwrap();
        let path = self.copy.join(branch).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, number.to_string()).unwrap();
        self.svn(&["add", "--quiet", "--force", "--parents", "--", &self.arg(&format!("{branch}/{name}"))]);
    }

    /// One of the things that people do, as one revision.
    fn step(&mut self, number: usize) {
        let branch = self.branch();
        let files = self.files(&branch);
        let kind = self.rng.u8(0..13);
        match kind {
            0 | 1 => {
                let name = format!("branches/{}{number}", self.rng.choice(["x", "ü ", "a'b "]).unwrap());
                self.svn(&["copy", "--quiet", "--", &self.arg(&branch), &text(self.copy.join(&name))]);
                if kind == 1 {
                    self.edit(&name, number);
                }
                self.branches.insert(name);
            }
            2 if branch != "trunk" => {
                self.svn(&["delete", "--quiet", "--force", "--", &self.arg(&branch)]);
                self.branches.remove(&branch);
            }
            3 if !files.is_empty() => {
                let file = self.rng.choice(&files).unwrap().clone();
                self.svn(&["delete", "--quiet", "--force", "--", &self.arg(&file)]);
            }
            4 if !files.is_empty() => {
                let file = self.rng.choice(&files).unwrap().clone();
                let to = text(self.copy.join(format!("{branch}/moved{number}")));
                self.svn(&["move", "--quiet", "--", &self.arg(&file), &to]);
            }
            5 => {
                let other = self.branch();
                self.edit(&branch, number);
                self.edit(&other, number + 1000);
            }
            6 => self.svn(&[
                "copy",
                "--quiet",
                "--",
                &self.arg(&branch),
                &text(self.copy.join(format!("tags/{number}"))),
            ]),
            7 => {
                self.edit(&branch, number);
                self.edit("trunk-old", number);
            }
            8 => {
                fs::write(self.copy.join(format!("branches/file{number}")), "x").unwrap();
                self.svn(&["add", "--quiet", "--", &self.arg(&format!("branches/file{number}"))]);
            }
            9 => {
                let (name, value) = ("prop".to_owned(), number.to_string());
                self.svn(&["propset", "--quiet", &name, &value, "--", &self.arg(&branch)]);
            }
            _ => self.edit(&branch, number),
        }
        let message = format!("change {number}: Grüße & <b>\n\n {}\n", "日本 ".repeat(number % 5));
        self.svn(&["commit", "--quiet", "--message", &message, "--", &text(&self.copy)]);
        self.svn(&["update", "--quiet", "--", &text(&self.copy)]);
    }
}

fn polling(repository: &Repository, options: &Value, name: &str) -> Polling {
    Polling::new("svn", options, &repository.folder().join(Path::new(name)))
}

#[tokio::test]
#[ignore = "needs svn and Buildbot"]
async fn svn_reports_what_buildbots_poller_reports() {
    let mut history = History::new();
    let url = history.repository.url();
    let link = "https://svn.example.org/?r=%s";
    let cases = [
        ("none", json!({"repourl": url, "revlinktmpl": link}), json!({"repourl": url, "revlinktmpl": link})),
        (
            "branches",
            json!({"repourl": url, "split_file": "branches"}),
            json!({"repourl": url, "split_file": "branches"}),
        ),
        ("trunk", json!({"repourl": format!("{url}/trunk")}), json!({"repourl": format!("{url}/trunk/")})),
    ];
    let mut pollers: Vec<_> = cases
        .iter()
        .map(|(name, ours, theirs)| {
            (*name, polling(&history.repository, ours, name), Buildbot::start("SVNPoller", theirs))
        })
        .collect();
    let (mut compared, mut beyond) = (0, 0);
    for number in 0..=REVISIONS {
        if number > 0 {
            history.step(number);
        }
        if !number.is_multiple_of(17) && number < REVISIONS && number > 0 {
            continue;
        }
        for (name, ours, buildbot) in &mut pollers {
            let mut theirs = buildbot.poll();
            let mut ours: Vec<Value> = ours.poll().await.iter().map(as_buildbot).collect();
            if *name == "trunk" {
                // Buildbot does not cut at the boundaries of paths: `trunk-old/a` is `-old/a` in `trunk`.
                for change in &mut theirs {
                    let files = change["files"].as_array_mut().unwrap();
                    let before = files.len();
                    files.retain(|file| !file.as_str().unwrap().starts_with("-old"));
                    beyond += before - files.len();
                }
            }
            for change in theirs.iter_mut().chain(&mut ours) {
                // Buildbot ignores dates.
                let change = change.as_object_mut().unwrap();
                change.remove("when_timestamp");
                assert!(change.remove("codebase").is_none_or(|codebase| codebase.is_null()));
            }
            compared += ours.len();
            assert_eq!(keyed(ours), keyed(theirs), "{name} {number}");
        }
    }
    assert!(compared > 150 && beyond > 0, "{compared} {beyond}");
    println!("{compared} changes compared");
}
