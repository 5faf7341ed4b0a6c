//! Repositories that are polled: the real binary, with real repositories.

mod command;
mod configuration;
mod failing;
mod kills;
mod poking;
mod reconcile;
mod reload;
mod replicas;
mod subversion;

use std::path::Path;
use std::process::Command;

use hookd_tests::{Home, Hookd, until};
use serde_json::Value;
use tempfile::TempDir;

/// A repository of git, to which a test commits.
struct Repository {
    folder: TempDir,
}

impl Repository {
    /// One with a first commit on `main`.
    fn new() -> Self {
        let repository = Self { folder: TempDir::new().expect("a folder for the repository") };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit("the first");
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path()).args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]);
        let output = command.args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits, and returns the hash.
    fn commit(&self, message: &str) -> String {
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The table of a poller of this name, which polls once a day.
    fn table(&self, name: &str) -> String {
        format!(
            "[[pollers]]\nname = \"{name}\"\ntype = \"git\"\nrepourl = \"{}\"\nbranches = true\npoll_interval = \"24h\"\n",
            self.path().display()
        )
    }
}

/// A hookd with the dialect `poller` and these pollers.
fn serving(pollers: &str) -> Home {
    Home::serving(&format!("[change_hook_dialects]\npoller = true\n\n{pollers}"))
}

/// A poller, as the API shows it.
fn poller(hookd: &Hookd, name: &str) -> Value {
    let pollers = hookd.admin().list("/api/v2/pollers", "pollers");
    pollers.into_iter().find(|poller| poller["name"] == name).unwrap_or_else(|| panic!("there is no poller `{name}`"))
}

/// Waits until a poller has polled with success, and waits for the next time.
fn wait_for_baseline(hookd: &Hookd, name: &str) -> Value {
    until(&format!("`{name}` has polled"), || {
        let poller = poller(hookd, name);
        assert_eq!(poller["error"], Value::Null, "{poller}");
        (poller["state"] == "waiting" && !poller["succeeded_at"].is_null()).then_some(poller)
    })
}

/// Waits until there are this many changes, and returns their revisions.
fn wait_for_changes(hookd: &Hookd, count: usize) -> Vec<String> {
    until(&format!("there are {count} changes"), || {
        let revisions = revisions(hookd);
        (revisions.len() >= count).then_some(revisions)
    })
}

/// The revisions of all changes.
fn revisions(hookd: &Hookd) -> Vec<String> {
    let text = |change: &Value| change["revision"].as_str().unwrap_or_default().to_owned();
    hookd.admin().changes().iter().map(text).collect()
}
