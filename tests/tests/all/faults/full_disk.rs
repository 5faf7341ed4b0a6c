//! A full disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hookd_tests::{Finished, Home, Hookd, until};

use super::{Sender, TABLES, check_store, logged_once};

/// A file system for this hookd alone, which vanishes with its process.
pub(crate) const WITH_SMALL_DISK: [&str; 6] =
    ["unshare", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=8m tmpfs disk && exec \"$0\" \"$@\""];

/// Whether this machine allows mounting.
pub(crate) fn can_mount() -> bool {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let mut command = Command::new(WITH_SMALL_DISK[0]);
    command.args(&WITH_SMALL_DISK[1..]).arg("true").current_dir(folder.path()).stderr(Stdio::null());
    fs::create_dir(folder.path().join("disk")).expect("the folder is writable");
    command.status().is_ok_and(|status| status.success())
}

/// A folder whose store is in `disk`.
fn home() -> Home {
    let listeners = hookd_tests::LISTENERS.replace("sqlite:hookd.db", "sqlite:disk/hookd.db");
    let home = Home::with_config(&format!("{listeners}\n{TABLES}\n"));
    fs::create_dir(home.path().join("disk")).expect("the folder is writable");
    home
}

/// The path of the disk as hookd sees it; no other process does.
pub(crate) fn disk(hookd: &Hookd) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", hookd.pid()));
    root.join(hookd.home().path().join("disk").strip_prefix("/").expect("it is absolute"))
}

/// Writes until nothing more fits; returns the file.
pub(crate) fn fill(disk: &Path) -> PathBuf {
    let path = disk.join("ballast");
    let mut ballast = File::create(&path).expect("a file can be created on the disk");
    while ballast.write_all(&[1; 4096]).is_ok() {}
    path
}

#[test]
fn a_full_disk_is_503_until_there_is_space() {
    if !can_mount() {
        println!("left out: no file system can be mounted here; only the test with a file size limit runs");
        return;
    }
    let hookd = home().within(&WITH_SMALL_DISK).start();
    let disk = disk(&hookd);
    let mut sender = Sender::new();
    for _ in 0..5 {
        assert_eq!(sender.send(&hookd, 2000).status, 202);
    }
    for round in 0..2 {
        let ballast = fill(&disk);
        sender.send_until_refused(&hookd, 20_000);
        // A little may still fit into the space that SQLite has already allocated.
        until("nothing fits", || (sender.send(&hookd, 0).status == 503).then_some(()));
        sender.send_in_vain(&hookd, "full");
        sender.check(&hookd);
        fs::remove_file(&ballast).expect("it is there");
        sender.send_again(&hookd);
        sender.check(&hookd);
        // The same cause is logged at most once a minute.
        if round == 0 {
            logged_once(&hookd, "the disk is full");
        }
    }
    // The disk vanishes with hookd, so this test cannot check a crash; the next one does.
    let copy = hookd.home().path().join("copy");
    fs::create_dir(&copy).expect("the folder is writable");
    let config = fs::read_to_string(hookd.home().path().join("hookd.toml")).expect("it is there");
    for name in ["hookd.db", "hookd.db-wal"] {
        fs::copy(disk.join(name), copy.join(name)).expect("it is there");
    }
    hookd.home().write("hookd.toml", config.replace("disk/", "copy/"));
    let home = hookd.kill_9().within(&[]);
    check_store(&home);
    sender.check(&home.start());
}

#[test]
fn a_file_size_limit_is_503_until_it_is_lifted() {
    let limited = ["sh", "-c", "ulimit -S -f 600; exec \"$0\" \"$@\""];
    let hookd = Home::serving(TABLES).within(&limited).start();
    let mut sender = Sender::new();
    sender.send_until_refused(&hookd, 20_000);
    // A little may still fit.
    until("nothing fits", || (sender.send(&hookd, 0).status == 503).then_some(()));
    sender.send_in_vain(&hookd, "SQLite's code");
    sender.check(&hookd);
    let limit = ["--fsize=unlimited", "--pid", &hookd.pid().to_string()];
    assert!(Command::new("prlimit").args(limit).status().expect("prlimit runs").success());
    sender.send_again(&hookd);
    logged_once(&hookd, "it may not become larger");
    sender.check_after_crash(hookd);
}

#[test]
fn a_full_disk_at_startup_is_an_error() {
    if !can_mount() {
        println!("left out: no file system can be mounted here");
        return;
    }
    let mut filling = WITH_SMALL_DISK;
    filling[5] =
        "mount -t tmpfs -o size=64k tmpfs disk && cat /dev/zero > disk/ballast 2> /dev/null; exec \"$0\" \"$@\"";
    let home = home().within(&filling);
    for command in [&["serve", "--log-format", "human"][..], &["check"]] {
        let finished = home.run(command);
        names_the_cause(&finished, "disk/hookd.db", 1);
    }
}

/// Checks that a command failed with this code, and named the file, the cause and the remedy in plain words.
fn names_the_cause(finished: &Finished, file: &str, code: i32) {
    let stderr = &finished.stderr;
    assert_eq!(finished.code, Some(code), "{stderr}");
    for part in [file, "the disk is full", "free some space"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    for riddle in ["disk I/O error", "Error code", "SQLite's code", "os error", "unable to open"] {
        assert!(!stderr.contains(riddle), "{riddle}: {stderr}");
    }
}

/// A store with a delivery. Its files are `hookd.db` and, after a crash, its WAL.
fn home_with_store(is_crashed: bool) -> Home {
    let hookd = Home::serving(TABLES).start();
    assert_eq!(Sender::new().send(&hookd, 0).status, 202);
    let home = if is_crashed { hookd.kill_9() } else { hookd.terminate().1 };
    fs::create_dir(home.path().join("disk")).expect("the folder is writable");
    let listeners = hookd_tests::LISTENERS.replace("sqlite:hookd.db", "sqlite:disk/hookd.db");
    home.write("hookd.toml", format!("{listeners}\n{TABLES}\n"));
    home
}

/// Runs the rest of the command line with a copy of the store's files on a disk of 4 MiB that is full.
const ON_A_FULL_DISK: [&str; 6] = [
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    "mount -t tmpfs -o size=4m tmpfs disk && cp hookd.db disk/ && { ! test -e hookd.db-wal || cp hookd.db-wal disk/; } && \
     { cat /dev/zero > disk/ballast 2> /dev/null; exec \"$0\" \"$@\"; }",
];

#[test]
fn a_store_on_a_full_disk_can_be_read_but_not_served() {
    if !can_mount() {
        println!("left out: no file system can be mounted here");
        return;
    }
    let home = home_with_store(false).within(&ON_A_FULL_DISK);
    names_the_cause(&home.run(&["serve", "--log-format", "human"]), "disk/hookd.db", 1);
    names_the_cause(&home.run(&["check"]), "hookd.toml:9:7: section `store`: `url`: cannot open", 1);
    names_the_cause(&home.run(&["store", "vacuum"]), "disk/hookd.db", 1);
    names_the_cause(&home.run(&["store", "backup", "disk/backup.db"]), "cannot write the backup `disk/backup.db`", 1);
    for command in [&["store", "stats"][..], &["store", "check"], &["store", "backup", "backup.db"]] {
        let finished = home.run(command);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{command:?}");
    }
    let home = home.within(&[]);
    let check = home.run(&["store", "check", "--file", "backup.db"]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    assert!(check.stdout.contains("1 deliveries"), "{}", check.stdout);
}

#[test]
fn a_store_on_a_full_disk_whose_wal_must_be_read_names_the_cause() {
    if !can_mount() {
        println!("left out: no file system can be mounted here");
        return;
    }
    let home = home_with_store(true).within(&ON_A_FULL_DISK);
    for command in [&["store", "stats"][..], &["store", "check"], &["store", "backup", "backup.db"]] {
        names_the_cause(&home.run(command), "disk/hookd.db", 1);
    }
}

#[test]
fn a_backup_onto_a_full_disk_blames_that_and_leaves_nothing() {
    if !can_mount() {
        println!("left out: no file system can be mounted here");
        return;
    }
    let home = home_with_store(false);
    let listing = "mount -t tmpfs -o size=32k tmpfs disk && { \"$0\" \"$@\"; code=$?; ls -A disk; exit $code; }";
    let home = home.within(&["unshare", "--map-root-user", "--mount", "sh", "-c", listing]);
    let finished = home.run(&["store", "backup", "disk/backup.db", "--file", "hookd.db"]);
    names_the_cause(&finished, "cannot write the backup `disk/backup.db`", 1);
    assert!(!finished.stderr.contains("cannot be read"), "{}", finished.stderr);
    assert_eq!(finished.stdout, "", "nothing is left on the disk");
}
