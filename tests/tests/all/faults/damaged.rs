//! A damaged file.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use hookd_tests::{Home, until};

use super::{Sender, TABLES, check_store, numbered};

/// Overwrites a file except for its beginning.
fn overwrite(path: &Path, from: u64) {
    let file = OpenOptions::new().write(true).open(path).expect("the store is there");
    let length = file.metadata().expect("it is open").len();
    assert!(length > from, "{length}");
    let noise = vec![0xa5; usize::try_from(length - from).expect("it is small")];
    file.write_all_at(&noise, from).expect("the test's folder is writable");
}

#[test]
fn a_damaged_file_at_startup_is_an_error_with_its_name_and_a_remedy() {
    let hookd = Home::serving(TABLES).start();
    assert_eq!(Sender::new().send(&hookd, 0).status, 202);
    let (_, home) = hookd.terminate();
    let database = home.path().join("hookd.db");
    let whole = fs::read(&database).expect("the store is there");
    // The header; the schema after it; half of the file.
    let mut header = whole.clone();
    header[..100].fill(0xa5);
    let mut schema = whole.clone();
    schema[100..4096].fill(0xa5);
    for broken in [header, schema] {
        fs::write(&database, broken).expect("the test's folder is writable");
        let finished = home.run(&["serve", "--log-format", "human"]);
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        for part in ["hookd.db` is damaged", "hookd store check", "restore a backup"] {
            assert!(finished.stderr.contains(part), "{part}: {}", finished.stderr);
        }
        let finished = home.run(&["store", "check"]);
        assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    }
    fs::write(&database, whole).expect("the test's folder is writable");
    check_store(&home);
}

#[test]
fn a_file_that_is_damaged_while_hookd_runs_is_not_written_to_any_more() {
    let hookd = Home::serving(TABLES).start();
    let mut sender = Sender::new();
    for _ in 0..60 {
        assert_eq!(sender.send(&hookd, 100_000).status, 202);
    }
    // A clean shutdown writes everything into the one file; a start reads only little of it.
    let hookd = hookd.terminate().1.start();
    overwrite(&hookd.home().path().join("hookd.db"), 4096);
    // To recognize a redelivery, hookd reads the stored request.
    assert_eq!(hookd.send(&numbered(1, 100_000)).status, 503);
    sender.send_in_vain(&hookd, "malformed");
    let is_error = |line: &String| line.contains("\"level\":\"ERROR\"");
    let errors = until("the log says so", || {
        Some(hookd.log().into_iter().filter(is_error).collect::<Vec<_>>()).filter(|errors| !errors.is_empty())
    });
    let [line] = errors.try_into().unwrap_or_else(|lines| panic!("one line, not {lines:#?}"));
    for part in ["the file is damaged", "hookd.db", "restore a backup"] {
        assert!(line.contains(part), "{line}");
    }
    let finished = hookd.home().run(&["store", "check"]);
    assert_eq!(finished.code, Some(1), "{}{}", finished.stdout, finished.stderr);
    assert!(finished.stderr.contains("hookd.db"), "{}", finished.stderr);
}

#[test]
fn commits_lost_to_a_crash_and_a_bad_disk_are_reported_at_the_next_start() {
    let hookd = Home::serving(TABLES).start();
    let mut sender = Sender::new();
    for _ in 0..20 {
        assert_eq!(sender.send(&hookd, 0).status, 202);
    }
    let home = hookd.kill_9();
    // In the middle of the frames that are not checkpointed yet.
    let log = home.path().join("hookd.db-wal");
    let file = OpenOptions::new().write(true).open(&log).expect("hookd was killed before a checkpoint");
    let half = file.metadata().expect("it is open").len() / 2;
    file.write_all_at(&[0xa5; 5000], half).expect("the test's folder is writable");
    let checked = home.run(&["store", "check"]);
    assert_eq!(checked.code, Some(1), "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stderr.contains("hookd.db-wal`: frame "), "{}", checked.stderr);

    let hookd = home.start();
    let errors: Vec<_> = hookd.log().into_iter().filter(|line| line.contains("\"level\":\"ERROR\"")).collect();
    let [line] = errors.try_into().unwrap_or_else(|lines| panic!("one line, not {lines:#?}"));
    for part in ["the WAL of the store is damaged", "transactions behind it are lost", "hookd.db-wal-damaged-", "again"]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    // The rest is there, and hookd accepts more.
    assert_eq!(hookd.send(&numbered(1, 0)).header("X-Hookd-Delivery"), Some("1"));
    let last: i64 =
        hookd.send(&numbered(21, 0)).header("X-Hookd-Delivery").and_then(|id| id.parse().ok()).expect("an id");
    assert!((3..21).contains(&last), "{last}");
    let (_, home) = hookd.terminate();
    check_store(&home);
}
