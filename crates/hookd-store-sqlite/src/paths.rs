//! The files of a store, and the lock on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::OpenError;

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

/// Makes an empty file that only its owner can read, whatever the umask; one that is there stays as it is. Once the
/// database is made so, SQLite gives its WAL and its shared memory the same permissions.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Locks a file beside the database. The lock goes with the process, however that ends.
pub(crate) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = beside(path, ".lock");
    let lock = make(&lock_path).map_err(|source| OpenError::Lock { path: lock_path.clone(), source })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::Lock { path: lock_path, source }),
    }
}
