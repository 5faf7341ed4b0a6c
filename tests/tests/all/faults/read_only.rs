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

/// Runs the rest of the command line with the folder `disk` read-only.
const WITH_READ_ONLY_DISK: [&str; 6] = [
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    "mount --bind disk disk && mount -o remount,bind,ro disk && exec \"$0\" \"$@\"",
];

/// Whether this machine allows mounting.
fn can_mount(home: &Home) -> bool {
    let mut probe = Command::new(WITH_READ_ONLY_DISK[0]);
    probe.args(&WITH_READ_ONLY_DISK[1..]).arg("true").current_dir(home.path()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

#[test]
fn a_read_only_folder_at_startup_is_an_error() {
    let home = Home::with_config(&hookd_tests::LISTENERS.replace("sqlite:hookd.db", "sqlite:disk/hookd.db"));
    fs::create_dir(home.path().join("disk")).expect("the folder is writable");
    if !can_mount(&home) {
        println!("left out: nothing can be mounted here");
        return;
    }
    let home = home.within(&WITH_READ_ONLY_DISK);
    for command in [&["serve", "--log-format", "human"][..], &["check"]] {
        let finished = home.run(command);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        for part in ["disk/hookd.db", "it may not be written to", "how the file system is mounted"] {
            assert!(finished.stderr.contains(part), "{}", finished.stderr);
        }
        assert!(!finished.stderr.contains("os error"), "{}", finished.stderr);
    }
}

#[test]
fn a_store_on_a_read_only_disk_can_be_read() {
    let home = Home::with_config(&hookd_tests::LISTENERS.replace("sqlite:hookd.db", "sqlite:disk/hookd.db"));
    fs::create_dir(home.path().join("disk")).expect("the folder is writable");
    if !can_mount(&home) {
        println!("left out: nothing can be mounted here");
        return;
    }
    home.write("hookd.toml", fs::read_to_string(home.path().join("hookd.toml")).expect("it is there") + TABLES);
    let hookd = home.start();
    assert_eq!(Sender::new().send(&hookd, 0).status, 202);
    let home = hookd.terminate().1.within(&WITH_READ_ONLY_DISK);
    for command in [&["store", "stats"][..], &["store", "check"], &["store", "backup", "backup.db"]] {
        let finished = home.run(command);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{command:?}");
    }
    for (command, blamed) in [
        (&["store", "backup", "disk/backup.db"][..], "cannot write the backup `disk/backup.db`"),
        (&["store", "vacuum"], "disk/hookd.db"),
        (&["serve", "--log-format", "human"], "disk/hookd.db"),
    ] {
        let finished = home.run(command);
        assert_eq!(finished.code, Some(1), "{command:?}: {}", finished.stderr);
        for part in [blamed, "it may not be written to"] {
            assert!(finished.stderr.contains(part), "{command:?}: {}", finished.stderr);
        }
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
    assert!(finished.stderr.contains("hookd.db`: it may not be written to"), "{}", finished.stderr);
    drop(immutable);
    sender.check(&home.start());
}
