//! Long commands at a terminal: their progress, and how they end when they are interrupted.

use std::fs;

use hookd_tests::Home;

use crate::faults::{TABLES, check_store, numbered};

/// A folder with a store of some 40 MiB, to which nobody writes.
fn filled() -> Home {
    let hookd = Home::serving(TABLES).start();
    for number in 1..=40 {
        assert_eq!(hookd.send(&numbered(number, 1 << 20)).line(), "202 1 change found");
    }
    hookd.terminate().1
}

#[test]
#[ignore = "needs script from cargo xtask test"]
fn progress_is_shown_on_a_terminal_and_nowhere_else() {
    let home = filled();
    let plain = home.run(&["store", "check"]);
    assert_eq!((plain.code, plain.stderr.as_str()), (Some(0), ""));
    // `script` runs a command on a terminal of its own, and prints what that shows.
    let home = home.within(&["sh", "-c", "exec script -qefc \"$*\" /dev/null", "sh"]);
    let shown = home.run(&["store", "check"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("\r\u{1b}[Kreading the log: 0 %"), "{:?}", shown.stdout);
    let (_, last) = shown.stdout.rsplit_once("\u{1b}[K").expect("the progress is cleared");
    assert_eq!(last.trim(), plain.stdout.trim(), "{:?}", shown.stdout);
    let backup = home.run(&["store", "backup", "backup.db"]);
    assert!(backup.stdout.contains("\u{1b}[Kcopying the store: "), "{:?}", backup.stdout);
    let vacuum = home.run(&["store", "vacuum"]);
    assert!(vacuum.stdout.contains("\u{1b}[Krewriting the store: "), "{:?}", vacuum.stdout);
}

#[test]
fn a_backup_that_is_interrupted_leaves_nothing() {
    let mut home = filled();
    // The last as `timeout` does it.
    for signal in ["INT", "TERM", "TERM $pid; kill -TERM $pid; kill -INT"] {
        // Interrupts it as soon as there is a part of the backup.
        let script = format!(
            "\"$@\" & pid=$!; until ls *.part >/dev/null 2>&1 || ! kill -0 $pid; do :; done; {{ kill -{signal} $pid; }} 2>/dev/null; wait $pid"
        );
        home = home.within(&["sh", "-c", &script, "sh"]);
        let is_interrupted = (0..20).any(|_| {
            let finished = home.run(&["store", "backup", "backup.db"]);
            let left =
                fs::read_dir(home.path()).expect("the folder is there").map(|entry| entry.expect("it is").file_name());
            let left = left.filter(|name| name.to_string_lossy().starts_with("backup")).count();
            if finished.code == Some(0) {
                // The backup was done before the signal came.
                fs::remove_file(home.path().join("backup.db")).expect("it was made");
                return false;
            }
            assert_eq!(finished.stderr, "error: interrupted; nothing was changed\n");
            assert_eq!((finished.code, left), (Some(1), 0));
            true
        });
        assert!(is_interrupted, "no signal came before the backup was done");
    }
    check_store(&home.within(&[]));
}
