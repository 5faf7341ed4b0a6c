//! Maintenance of a store from outside: figures, checks, backups, giving space back. All but the last work beside a hookd
//! that runs, and write nothing to its store.
//!
//! Each command sees one state of the store, that of one transaction, whatever is stored meanwhile. As long as a check or a
//! backup takes, the WAL is not written back, and grows by what comes in.

mod backup;
mod check;
mod index;
mod stats;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

pub use backup::{Backup, backup};
pub use check::{Checked, check};
pub use stats::{Stats, stats};

use hookd_store::StoreError;

use crate::error::Failure;
use crate::{OpenError, paths, schema, wal};

/// How many problems are reported; where there is one there are mostly more.
const MAX_PROBLEMS: usize = 50;

/// Why the maintenance of a store failed.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It could not be read, or not be written back.
    #[error("`{path}` cannot be read to its end")]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// Something is in the place of the backup.
    #[error("`{path}` exists, and a backup overwrites nothing: name another file, or move it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl MaintenanceError {
    fn store<E: Into<Failure>>(path: &Path) -> impl Fn(E) -> Self + '_ {
        |source| Self::Store { path: path.to_owned(), source: source.into().into() }
    }
}

/// The size of a store before and after a vacuum, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vacuumed {
    /// What the store took before.
    pub before: u64,
    /// What it takes now.
    pub after: u64,
}

/// Gives the free space of a store back to the disk, by writing all of it anew. No hookd may run on it: the writer would
/// wait for longer than a webhook does. Needs room for twice what the store will take: a copy in the folder for
/// temporary files (`SQLITE_TMPDIR`), and the WAL.
///
/// # Errors
/// When the store is in use, damaged, or there is no room. It is unchanged then.
pub fn vacuum(path: &Path) -> Result<Vacuumed, MaintenanceError> {
    // Not `File::create` of the lock for a store that is not there.
    drop(open(path)?);
    let _lock = paths::lock(path)?;
    let wal = paths::wal(path);
    if let Some(damage) = wal::damage(path).map_err(|source| OpenError::Wal { path: wal, source })? {
        let why = format!("its WAL is damaged: {damage}; `hookd serve` keeps a copy of the WAL when it starts");
        return Err(MaintenanceError::store(path)(Failure::Damaged(why)));
    }
    let failed = MaintenanceError::store::<rusqlite::Error>(path);
    let before = paths::size(path);
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    connection.execute_batch("PRAGMA synchronous = FULL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);").map_err(&failed)?;
    drop(connection);
    Ok(Vacuumed { before, after: paths::size(path) })
}

/// Opens a store of this version to be read.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |source| OpenError::sqlite(path, source);
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    schema::is_current(&connection, path)?;
    Ok(connection)
}
