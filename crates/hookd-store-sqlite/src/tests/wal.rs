//! The WAL after a crash, whole and damaged.

use super::*;
use crate::wal::damage;

const FRAME_BYTES: usize = 4096 + 24;

/// A store of so many deliveries, one for each transaction, as it lies there after `kill -9`: nothing written back.
fn crashed(deliveries: usize) -> (TempDir, PathBuf, PathBuf) {
    let (folder, store) = store();
    for id in 1..=deliveries {
        let state = accepted(&format!("r{id}"));
        store.append(delivery(Some(&id.to_string()), "body", state)).wait().unwrap();
    }
    let to = tempfile::tempdir().unwrap();
    let (path, wal) = (to.path().join("hookd.db"), to.path().join("hookd.db-wal"));
    for file in ["hookd.db", "hookd.db-wal"] {
        std::fs::copy(folder.path().join(file), to.path().join(file)).unwrap();
    }
    drop(store);
    (to, path, wal)
}

fn kept(folder: &TempDir) -> usize {
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains("-wal-damaged-")).count()
}

fn stored(path: &Path) -> u64 {
    SqliteStore::open(path).unwrap().reader().deliveries(&Query::default()).unwrap().total
}

#[test]
fn what_a_crash_leaves_is_no_damage() {
    let (folder, path, wal) = crashed(20);
    let whole = std::fs::read(&wal).unwrap();
    assert!(damage(&path).unwrap().is_none());
    // The last transaction, wherever it was cut off, and whichever page of it did not reach the disk.
    for end in [0, 1, 40, 32 + FRAME_BYTES, whole.len() - 1, whole.len() - FRAME_BYTES, whole.len() - FRAME_BYTES - 7] {
        std::fs::write(&wal, &whole[..end]).unwrap();
        assert!(damage(&path).unwrap().is_none(), "cut off at {end}");
    }
    for page in 1..=3 {
        let mut torn = whole.clone();
        let start = torn.len() - page * FRAME_BYTES;
        torn[start + 100..start + FRAME_BYTES].fill(0);
        std::fs::write(&wal, torn).unwrap();
        assert!(damage(&path).unwrap().is_none(), "page {page} from the end");
    }
    std::fs::write(&wal, vec![0; whole.len()]).unwrap();
    assert!(damage(&path).unwrap().is_none(), "nothing reached the disk");
    std::fs::remove_file(&wal).unwrap();
    assert!(damage(&path).unwrap().is_none());
    std::fs::write(&wal, whole).unwrap();
    assert_eq!((stored(&path), kept(&folder)), (20, 0));
}

#[test]
fn acknowledged_transactions_that_are_lost_are_reported_and_kept() {
    let (folder, path, wal) = crashed(20);
    let whole = std::fs::read(&wal).unwrap();
    let (begin, half) = (0..40, whole.len() / 2..whole.len() / 2 + 5000);
    for (place, reported) in [(begin, "its beginning is bad, and all that is in it is lost"), (half, "frame ")] {
        let mut broken = whole.clone();
        broken[place].fill(0xa5);
        std::fs::write(&wal, broken).unwrap();
        let problems = crate::maintenance::check(&path).map(|checked| checked.problems).unwrap_or_default();
        let found = damage(&path).unwrap().expect("it is damaged").to_string();
        assert!(found.starts_with(reported), "{found}");
        // Without its beginning there is not even a schema.
        if reported == "frame " {
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(&found), "{problems:?}");
        }
    }
    let refused = crate::maintenance::vacuum(&path).unwrap_err();
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert!(why.contains("its WAL is damaged: frame "), "{why}");
    assert_eq!(kept(&folder), 0);
    let left = stored(&path);
    assert!((1..20).contains(&left), "{left}");
    assert_eq!((kept(&folder), damage(&path).unwrap()), (1, None));
}
