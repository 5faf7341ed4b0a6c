//! Read-only files and folders.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hookd_tests::Home;

use super::{Sender, TABLES, logged_once};

/// Files that nobody can change, not even root, until this is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// Makes the files immutable; `None` if the file system or the user does not allow that.
    fn make(files: Vec<PathBuf>) -> Option<Self> {
        let made = Self(files);
        made.change("+i").then_some(made)
    }

    fn change(&self, attribute: &str) -> bool {
        let mut command = Command::new("chattr");
        command.arg(attribute).args(&self.0).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.change("-i");
    }
}

#[test]
fn files_that_become_read_only_are_503_until_they_are_writable() {
    let hookd = Home::serving(TABLES).start();
    let mut sender = Sender::new();
    assert_eq!(sender.send(&hookd, 0).status, 202);
    let files = ["hookd.db", "hookd.db-wal"].map(|name| hookd.home().path().join(name));
    let Some(immutable) = Immutable::make(files.to_vec()) else {
        println!("left out: `chattr +i` is not for this user, or not on this file system");
        return;
    };
    sender.send_in_vain(&hookd, "disk I/O error");
    drop(immutable);
    sender.send_again(&hookd);
    logged_once(&hookd, "it may not be written to");
    sender.check_after_crash(hookd);
}

#[test]
fn a_read_only_folder_at_startup_is_an_error() {
    let home = Home::with_config(&hookd_tests::LISTENERS.replace("sqlite:hookd.db", "sqlite:disk/hookd.db"));
    fs::create_dir(home.path().join("disk")).expect("the folder is writable");
    let read_only = "mount --bind disk disk && mount -o remount,bind,ro disk && exec \"$0\" \"$@\"";
    let unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", read_only];
    let mut probe = Command::new(unshare[0]);
    probe.args(&unshare[1..]).arg("true").current_dir(home.path()).stderr(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        println!("left out: nothing can be mounted here");
        return;
    }
    let finished = home.within(&unshare).run(&["serve", "--log-format", "human"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    for part in ["cannot lock", "disk/hookd.db.lock", "Read-only file system"] {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
}

#[test]
fn a_read_only_database_at_startup_is_an_error() {
    let hookd = Home::serving(TABLES).start();
    let mut sender = Sender::new();
    assert_eq!(sender.send(&hookd, 0).status, 202);
    let (_, home) = hookd.terminate();
    let Some(immutable) = Immutable::make(vec![home.path().join("hookd.db")]) else {
        println!("left out: `chattr +i` is not for this user, or not on this file system");
        return;
    };
    let finished = home.run(&["serve", "--log-format", "human"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(finished.stderr.contains("hookd.db` may not be written to"), "{}", finished.stderr);
    drop(immutable);
    sender.check(&home.start());
}
