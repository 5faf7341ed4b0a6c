//! `hookd store`: statistics, check and backup of a store, while hookd runs and accepts more.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use hookd_tests::http::Connection;
use hookd_tests::{Home, until};
use serde_json::Value;

use crate::faults::{TABLES, check_store, numbered};

#[test]
fn a_backup_under_load_is_a_consistent_state_that_hookd_can_continue_from() {
    let hookd = Home::serving(TABLES).start();
    let (taken, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let before = thread::scope(|scope| {
        for sender in 0..4 {
            let (hookd, taken, is_over) = (&hookd, &taken, &is_over);
            scope.spawn(move || {
                let mut connection = Connection::new(hookd.public());
                for number in 1.. {
                    let answer = connection.send(&numbered(sender * 1_000_000 + number, 500)).expect("hookd answers");
                    assert_eq!(answer.line(), "202 1 change found");
                    taken.fetch_add(1, Ordering::SeqCst);
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
        until("there is something", || (taken.load(Ordering::SeqCst) > 200).then_some(()));
        let before = taken.load(Ordering::SeqCst);
        let backup = hookd.home().run(&["store", "backup", "backup.db"]);
        let while_loaded = taken.load(Ordering::SeqCst);
        let check = hookd.home().run(&["store", "check"]);
        is_over.store(true, Ordering::SeqCst);
        assert_eq!((backup.code, backup.stderr.as_str()), (Some(0), ""));
        assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
        assert!(while_loaded > before, "hookd accepts more meanwhile");
        before
    });

    let home = hookd.kill_9();
    let check = home.run(&["store", "check", "--file", "backup.db"]);
    assert_eq!((check.code, check.stderr.as_str()), (Some(0), ""));
    // As the manual says.
    for name in ["hookd.db-wal", "hookd.db-shm"] {
        fs::remove_file(home.path().join(name)).expect("it was killed");
    }
    fs::copy(home.path().join("backup.db"), home.path().join("hookd.db")).expect("the backup is there");
    let hookd = home.start();
    let kept = hookd.admin().changes();
    assert!(kept.len() >= before, "{} of {before}", kept.len());
    let ids: Vec<i64> = kept.iter().filter_map(|change| change["changeid"].as_i64()).collect();
    assert!(ids.iter().copied().eq(1..=kept.len() as i64), "a consistent state has no gaps");
    assert_eq!(hookd.send(&numbered(77_000_000, 0)).line(), "202 1 change found");
    check_store(hookd.home());
}

#[test]
fn statistics_are_printed_as_text_and_as_json() {
    let hookd = Home::serving(TABLES).start();
    for number in 1..=3 {
        hookd.send(&numbered(number, 0));
    }
    let stats_output = hookd.home().run(&["store", "stats", "--json"]);
    assert_eq!((stats_output.code, stats_output.stderr.as_str()), (Some(0), ""));
    let stats: Value = serde_json::from_str(&stats_output.stdout).expect("it is JSON");
    assert_eq!((&stats["deliveries"], &stats["changes"], &stats["pending"]), (&3.into(), &3.into(), &0.into()));
    let received_at = &hookd.admin().deliveries()[0]["received_at"];
    assert_eq!(&stats["oldest_received_at"], received_at);
    let stats_output = hookd.home().run(&["store", "stats"]);
    assert!(stats_output.stdout.contains("deliveries  3, 0 of them pending"), "{}", stats_output.stdout);
}

#[test]
fn a_command_that_fails_reports_why_and_sets_its_exit_code() {
    let hookd = Home::serving(TABLES).start();
    hookd.send(&numbered(1, 0));
    let home = hookd.home();
    home.write("there.db", "precious");
    for (arguments, code, message) in [
        (&["store", "vacuum"][..], 1, "is in use by another hookd; stop that one first"),
        (&["store", "backup", "there.db"], 1, "`there.db` exists, and a backup overwrites nothing"),
        (&["store", "stats", "--file", "none.db"], 1, "there is no store `none.db`"),
        (&["store", "check", "--file", "none.db"], 1, "there is no store `none.db`"),
        (
            &["store", "backup", "none/backup.db"],
            1,
            "cannot write the backup `none/backup.db`: its folder does not exist",
        ),
        (&["store", "check", "--file", "there.db"], 1, "there.db: SQLite: file is not a database"),
        (&["store", "check", "--config", "none.toml"], 2, "none.toml: the configuration cannot be read"),
        (&["store", "backup"], 2, "required arguments were not provided"),
    ] {
        let finished = home.run(arguments);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(code), ""), "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(message), "{arguments:?}: {}", finished.stderr);
    }
    let (_, home) = hookd.terminate();
    let finished = home.run(&["store", "vacuum"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert!(finished.stdout.contains("before") && finished.stdout.contains("now"), "{}", finished.stdout);
    check_store(&home);
}
