//! Figures, checks, backups and giving space back.

use hookd_store::{CursorMove, CursorPlace, Settlement, SettlementKind};

use super::*;
use std::sync::Mutex;

use crate::Fault;
use crate::maintenance::{
    MaintenanceError, Stats, Watch, backup, backup_watched, check, check_watched, stats, vacuum, vacuum_watched,
};

/// A store of each kind of delivery, and its file.
fn filled() -> (TempDir, SqliteStore, PathBuf) {
    let (folder, store) = store();
    let two = NewState::Accepted(vec![change("r1", "main"), change("r2", "main")]);
    for (id, state) in [
        ("1", two),
        ("2", NewState::Ignored("no reason".into())),
        ("3", NewState::Pending { reported_changes: 1, about: Subject::default() }),
        ("4", NewState::Refused("wrong".into())),
        ("5", accepted("r3")),
    ] {
        store.append(delivery(Some(id), &"body ".repeat(id.parse().unwrap()), state)).wait().unwrap();
    }
    let path = folder.path().join("hookd.db");
    (folder, store, path)
}

fn problems(path: &Path) -> Vec<String> {
    check(path).unwrap().problems
}

#[test]
fn gives_figures_beside_a_hookd_that_runs() {
    let (_folder, store, path) = filled();
    let Stats { deliveries, changes, pending, file_bytes, wal_bytes, bytes_per_delivery, .. } = stats(&path).unwrap();
    assert_eq!((deliveries, changes, pending), (5, 3, 1));
    assert_eq!(file_bytes + wal_bytes, store.size());
    assert!(bytes_per_delivery.is_some_and(|bytes| bytes > 100 && bytes < store.size()), "{bytes_per_delivery:?}");
    let received_at = Some(1_700_000_000.25);
    let figures = stats(&path).unwrap();
    assert_eq!((figures.oldest_received_at, figures.newest_received_at), (received_at, received_at));
    let (folder, empty) = super::store();
    let figures = stats(&folder.path().join("hookd.db")).unwrap();
    assert_eq!((figures.deliveries, figures.bytes_per_delivery, figures.oldest_received_at), (0, None, None));
    drop(empty);
}

#[test]
fn finds_nothing_wrong_with_what_hookd_wrote() {
    let (_folder, store, path) = filled();
    let checked = check(&path).unwrap();
    assert_eq!((checked.problems, checked.deliveries, checked.requests), (vec![], 5, 5));
    store
        .complete(Completion { deliveryid: 3, state: accepted("r4"), note: None, api_calls: ApiCalls::default() })
        .wait()
        .unwrap();
    assert_eq!(problems(&path), [""; 0]);
    drop(store);
    assert_eq!(problems(&path), [""; 0]);
}

#[test]
fn finds_what_is_wrong() {
    for (broken, reported) in [
        ("DELETE FROM blocks WHERE blockid = 2", "block 3 does not begin where the one before it ends"),
        ("UPDATE blocks SET change_count = 1 WHERE blockid = 1", "block 2 does not begin where the one before it ends"),
        ("UPDATE blocks SET change_count = 1 WHERE blockid = 1", "delivery 1 was accepted, and lacks changes"),
        ("UPDATE blocks SET change_count = 3 WHERE blockid = 1", "block 1: "),
        (
            "UPDATE blocks SET records = (SELECT records FROM blocks WHERE blockid = 1) WHERE blockid = 5",
            "lacks changes",
        ),
        ("DELETE FROM pending", "delivery 3 is pending, and has neither its outcome nor a next attempt"),
        ("UPDATE blocks SET requests = NULL, request_count = 0", "delivery 3 is pending, and its request is lost"),
        ("UPDATE blocks SET requests = NULL", "block 1 has requests, and does not say how many"),
        ("INSERT INTO cursors VALUES ('sink', 1, 4, x'', x'')", "cursor sink is beyond the newest change"),
        (
            "INSERT INTO pending VALUES (9, 'github', 0, 0, 0, NULL, '', NULL, NULL)",
            "delivery 9 is pending, and is not in the log",
        ),
        ("INSERT INTO outcomes VALUES (3, 1, NULL, 4, 1, 0, 0, NULL)", "delivery 3 is pending, and has its outcome"),
        (
            "INSERT INTO outcomes VALUES (3, 1, NULL, 4, 1, 0, 0, NULL)",
            "delivery 3 was accepted after its calls, and lacks changes",
        ),
        ("UPDATE blocks SET requests = x'00' WHERE blockid = 1", "block 1: its requests are lost"),
        ("UPDATE blocks SET records = x'00' WHERE blockid = 4", "block 4: "),
        ("UPDATE blocks SET requests = (SELECT requests FROM blocks WHERE blockid = 2)", "the request of delivery"),
        ("DELETE FROM recent_keys WHERE blockid = 2", "the index of forge ids does not agree with the log"),
        (
            "UPDATE recent_keys SET first_changeid = first_changeid + 1",
            "the index of revisions does not agree with the log",
        ),
        ("UPDATE recent_keys SET data = zeroblob(length(data))", "the index of revisions does not agree with the log"),
    ] {
        let (_folder, store, path) = filled();
        drop(store);
        rusqlite::Connection::open(&path).unwrap().execute_batch(broken).unwrap();
        let problems = problems(&path);
        assert!(problems.iter().any(|problem| problem.contains(reported)), "{broken}: {problems:#?}");
    }
}

#[test]
fn finds_what_is_wrong_with_settlements() {
    for (broken, reported) in [
        ("UPDATE settlement_runs SET data = x'00'", "it ends too soon"),
        ("UPDATE settlement_runs SET data = zeroblob(length(data))", "its bytes are not those that were written"),
        ("UPDATE settlement_runs SET delivered_count = 5", "they are not as many as it says"),
        ("UPDATE settlement_runs SET last_changeid = 3", "they do not end where it says"),
        ("INSERT INTO waiting_settlements VALUES ('sink', 2, 0, 0, 1, '')", "change 2 waits as well"),
    ] {
        let (_folder, store, path) = filled();
        let settlement = |changeid, kind| Settlement {
            changeid,
            settled_at: Timestamp::from_micros(1),
            kind,
            attempts: 1,
            answer: "ok".to_owned(),
        };
        let settlements = vec![
            settlement(1, SettlementKind::Delivered),
            settlement(2, SettlementKind::Filtered),
            settlement(3, SettlementKind::Dead),
        ];
        let to = Some(CursorPlace { position: 3, ..CursorPlace::default() });
        let moved = CursorMove { name: "sink".to_owned(), expected: None, to, epoch: None, settlements };
        store.move_cursors(vec![moved]).wait().unwrap();
        assert_eq!(problems(&path), [""; 0]);
        drop(store);
        rusqlite::Connection::open(&path).unwrap().execute_batch(broken).unwrap();
        let [problem] = problems(&path).try_into().unwrap();
        assert!(
            problem.starts_with("cursor sink, settlements of changes 1 to ") && problem.ends_with(reported),
            "{problem}"
        );
    }
}

#[test]
fn finds_a_file_that_is_damaged() {
    let (_folder, store, path) = filled();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    assert!(problems(&path)[0].starts_with("SQLite: "), "{:?}", problems(&path));
    bytes[..100].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(problems(&path), ["SQLite: file is not a database"]);
}

#[test]
fn a_backup_is_the_store_of_its_moment_in_one_file() {
    let (folder, store, path) = filled();
    let to = folder.path().join("backup.db");
    let made = backup(&path, &to).unwrap();
    assert_eq!(made.bytes, std::fs::metadata(&to).unwrap().len());
    let (changes, deliveries) = (
        store.reader().changes(&Query::default()).unwrap().rows,
        store.reader().deliveries(&Query::default()).unwrap().rows,
    );
    store.append(delivery(Some("6"), "late", accepted("r6"))).wait().unwrap();

    let names: std::collections::BTreeSet<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let expected = ["backup.db", "hookd.db", "hookd.db-shm", "hookd.db-wal", "hookd.db.lock"];
    assert!(names.iter().eq(expected), "{names:?}");
    assert_eq!(problems(&to), [""; 0]);
    let copy = SqliteStore::open(&to).unwrap();
    assert_eq!(copy.reader().changes(&Query::default()).unwrap().rows, changes);
    assert_eq!(copy.reader().deliveries(&Query::default()).unwrap().rows, deliveries);
    assert_eq!(copy.pending().unwrap(), store.pending().unwrap());
    assert_eq!(copy.reader().request(1).unwrap(), store.reader().request(1).unwrap());
    assert!(copy.append(delivery(Some("1"), "body ", accepted("r1"))).wait().unwrap().is_duplicate);
    assert_eq!(copy.append(delivery(Some("6"), "late", accepted("r6"))).wait().unwrap().deliveryid, 6);
}

#[test]
fn a_backup_overwrites_nothing_and_a_failed_one_leaves_nothing() {
    let (folder, _store, path) = filled();
    let to = folder.path().join("backup.db");
    std::fs::write(&to, "precious").unwrap();
    assert!(matches!(backup(&path, &to), Err(MaintenanceError::Exists { .. })));
    assert_eq!(std::fs::read(&to).unwrap(), b"precious");
    let nowhere = folder.path().join("none/backup.db");
    assert!(matches!(backup(&path, &nowhere), Err(MaintenanceError::Target { fault: Fault::NoFolder, .. })));
    assert!(matches!(backup(&folder.path().join("none.db"), &nowhere), Err(MaintenanceError::Open(_))));
    assert!(!folder.path().join("none.db").exists(), "what is looked at is not made");
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.filter(|name| name.to_string_lossy().contains("part")).count() == 0);
}

#[test]
fn a_damaged_store_gives_no_backup() {
    let (folder, store, path) = filled();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    std::fs::write(&path, &bytes).unwrap();
    let to = folder.path().join("backup.db");
    assert!(backup(&path, &to).is_err());
    assert!(!to.exists());
}

#[test]
fn space_is_given_back_when_nobody_works_on_the_store() {
    let (folder, store) = store();
    let path = folder.path().join("hookd.db");
    let random = |seed: i64| {
        (0..500).map(|n: i64| xxhash_rust::xxh3::xxh3_64_with_seed(b"x", (seed * 500 + n).cast_unsigned())).collect()
    };
    for number in 0..200_i64 {
        let numbers: Vec<u64> = random(number);
        store.append(delivery(None, &format!("{numbers:x?}"), accepted("r"))).wait().unwrap();
    }
    let all = Expiry { payloads_before: Some(MAX_TIME), changes_before: Some(MAX_TIME), now: MAX_TIME };
    while store.expire(all).wait().unwrap().has_more {}
    let error = vacuum(&path).unwrap_err();
    assert!(error.to_string().contains("is in use by another hookd; stop that one first"), "{error}");
    drop(store);
    assert!(stats(&path).unwrap().free_bytes > 100_000, "{:?}", stats(&path).unwrap());
    let vacuumed = vacuum(&path).unwrap();
    assert!(vacuumed.after < vacuumed.before / 2, "{vacuumed:?}");
    assert_eq!((stats(&path).unwrap().free_bytes, problems(&path)), (0, vec![]));
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.append(delivery(None, "", accepted("r"))).wait().unwrap().deliveryid, 201);
}

#[test]
fn what_is_no_store_is_refused() {
    let folder = TempDir::new().unwrap();
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = stats(&foreign).unwrap_err();
    assert!(matches!(error, MaintenanceError::Open(OpenError::Foreign { .. })), "{error}");
    let error = vacuum(&folder.path().join("none.db")).unwrap_err();
    assert!(matches!(error, MaintenanceError::Open(OpenError::Missing { .. })), "{error}");
    assert!(!folder.path().join("none.db.lock").exists());
}

#[test]
fn a_watch_sees_how_far_a_command_has_come() {
    let (_folder, store, path) = filled();
    drop(store);
    let seen = std::sync::Arc::new(Mutex::new(Vec::new()));
    let sees = std::sync::Arc::clone(&seen);
    let watch = Watch::new(move |progress| {
        sees.lock().unwrap().push((progress.step, progress.done, progress.total));
        true
    });
    assert_eq!(check_watched(&path, &watch).unwrap(), check(&path).unwrap());
    let blocks = stats(&path).unwrap().deliveries;
    let seen = seen.lock().unwrap();
    let log: Vec<_> = seen.iter().filter(|(step, ..)| *step == "reading the log").collect();
    assert_eq!(log.len() as u64, blocks, "{seen:?}");
    assert_eq!(*log[1], ("reading the log", 1, Some(blocks)));
}

#[test]
fn a_command_that_is_stopped_changes_nothing_and_leaves_nothing() {
    let (folder, store, path) = filled();
    drop(store);
    let to = folder.path().join("backup.db");
    let before = std::fs::read(&path).unwrap();
    let stopped = || Watch::new(|_| false);
    assert!(matches!(check_watched(&path, &stopped()), Err(MaintenanceError::Interrupted)));
    // Whether a small copy is there before it is first looked at is a matter of microseconds: it is complete then.
    for _ in 0..20 {
        match backup_watched(&path, &to, &stopped()) {
            Err(MaintenanceError::Interrupted) => assert!(!to.exists()),
            Ok(_) => std::fs::remove_file(&to).unwrap(),
            Err(other) => panic!("{other}"),
        }
        assert!(matches!(vacuum_watched(&path, &stopped()), Ok(_) | Err(MaintenanceError::Interrupted)));
    }
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.filter(|name| name.to_string_lossy().contains("part")).count() == 0);
    assert_eq!(problems(&path), [""; 0]);
    assert_eq!(std::fs::read(&path).unwrap().len(), before.len());
}
