//! The files of a store, and the lock on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::{Fault, OpenError};

/// The WAL of the database at this path.
pub(crate) fn wal(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// A file that belongs to the database: its path with something added.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// How many bytes the database takes with its WAL.
pub(crate) fn size(path: &Path) -> u64 {
    [path, &wal(path)].into_iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum()
}

/// Held as long as a store is open, so that no second hookd writes to it. It goes with the process, however that ends.
#[derive(Debug)]
pub(crate) struct StoreLock {
    /// A file beside the database.
    _beside: File,
    /// The database itself, whatever name it was opened by; `None` where it cannot be opened, which SQLite reports.
    _database: Option<File>,
}

/// Locks a store: a file beside the database, and the database itself, which another hookd may reach by another path (a
/// hard link, a symbolic link, a mount). Makes both where there is none, readable by this user alone; SQLite gives its
/// other files the permissions of the database.
///
/// The locks are those of `flock`. SQLite's are of another kind (`fcntl`), so that neither sees the other's. But whoever
/// closes a file gives up all locks of that kind which the process has on it: the database stays open here until SQLite
/// has closed it, and is not opened at all while this process has the store open by the same path.
pub(crate) fn lock(path: &Path) -> Result<StoreLock, OpenError> {
    let lock_path = beside(path, ".lock");
    // Not truncated: it may be a link to something else.
    let beside = private().open(&lock_path).map_err(|source| match OpenError::system(&lock_path, source) {
        // It is the database that was named.
        OpenError::Faulty { fault: Fault::NoFolder, .. } => {
            OpenError::Faulty { path: path.to_owned(), fault: Fault::NoFolder }
        }
        error => error,
    })?;
    flock(&beside, path, &lock_path)?;
    let database = private().open(path).or_else(|_| File::open(path)).ok().filter(is_regular);
    if let Some(database) = &database {
        flock(database, path, path)?;
    }
    Ok(StoreLock { _beside: beside, _database: database })
}

/// Whether a hookd has the store open, under whatever name. What may not be read counts as not locked; whoever wants to
/// open the store is informed of that.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let is_locked = |path: &Path| {
        let file = File::open(path).ok().filter(is_regular);
        file.is_some_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    };
    is_locked(&beside(path, ".lock")) || is_locked(path)
}

/// Keeps a hookd from opening the database, as long as the result is held; `None` where one has it open, or the file
/// cannot be locked.
pub(crate) fn keep_closed(path: &Path) -> Option<File> {
    let file = File::open(path).ok().filter(is_regular)?;
    file.try_lock_shared().is_ok().then_some(file)
}

/// The folder that the file at this path is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn flock(file: &File, path: &Path, locked: &Path) -> Result<(), OpenError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::system(locked, source)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_store_is_locked_under_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let [path, hard, soft] = ["hookd.db", "hard.db", "soft.db"].map(|name| folder.path().join(name));
        let held = lock(&path).unwrap();
        fs::hard_link(&path, &hard).unwrap();
        symlink(&path, &soft).unwrap();
        for other in [&path, &hard, &soft] {
            assert!(matches!(lock(other), Err(OpenError::InUse { .. })), "{}", other.display());
        }
        drop(held);
        let held = lock(&hard).unwrap();
        assert!(matches!(lock(&soft), Err(OpenError::InUse { .. })));
        drop(held);
        lock(&soft).unwrap();
    }

    #[test]
    fn what_a_lock_file_links_to_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [path, precious] = ["hookd.db", "precious"].map(|name| folder.path().join(name));
        fs::write(&precious, "precious").unwrap();
        symlink(&precious, beside(&path, ".lock")).unwrap();
        drop(lock(&path).unwrap());
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
    }

    #[test]
    fn its_files_are_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.db");
        let store = crate::SqliteStore::open(&path).unwrap();
        crate::maintenance::backup(&path, &folder.path().join("backup.db")).unwrap();
        for name in ["hookd.db", "hookd.db-wal", "hookd.db-shm", "hookd.db.lock", "backup.db"] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        drop(store);
    }
}
