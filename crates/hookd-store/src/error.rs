//! What can go wrong with a store.

use std::path::{Path, PathBuf};

use crate::Fault;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file was written by a newer hookd.
    #[error(
        "`{path}` has schema version {found}, and this hookd knows versions up to {known}: it was written by a newer \
         hookd; run that one, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest version that this build knows.
        known: i64,
    },
    /// The file was written by an older hookd, and may not be changed now.
    #[error(
        "`{path}` has schema version {found}, and this hookd writes version {known}: `hookd serve` brings it up to date \
         when it starts"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The version of this build.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("`{path}` is an SQLite database, but not one of hookd")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what hookd wrote.
    #[error(
        "`{path}` is damaged, or no database: keep a copy of it, see what `hookd store check` says, and restore a \
         backup, or name another file"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file is there, and may only be read.
    #[error("`{path}` may not be written to: see who owns it, its permissions, and how its file system is mounted")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("cannot open `{path}`, {fault}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What is wrong, as far as it can be told.
        fault: Fault,
        /// Why.
        source: rusqlite::Error,
    },
    /// What is in the file cannot be read.
    #[error(
        "cannot read `{path}`: if it is damaged, keep a copy of it, see what `hookd store check` says, and restore a backup"
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// What was stored last cannot be looked at, or was found to be damaged and cannot be kept.
    #[error("`{path}`, which has what was stored last, cannot be read or copied")]
    Log {
        /// The log of SQLite.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the store open.
    #[error("`{path}` is in use by another hookd; stop that one first, or give this one a store of its own")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file that locks the store could not be made or locked.
    #[error("cannot lock `{path}`")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The thread of the writer could not be started.
    #[error("cannot start the thread of the store's writer")]
    Thread(#[source] std::io::Error),
}

impl OpenError {
    /// What SQLite says of the file at `path`.
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match Fault::of(&source) {
            Fault::Damaged => Self::Damaged { path, source },
            fault => Self::Sqlite { fault: fault.looked_at(&[&path]), path, source },
        }
    }
}

/// Why something could not be stored or read. Nothing of a failed write is in the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed: disk full, file read-only or locked, and the like. Another try may succeed.
    #[error("the store failed: {message}")]
    Fault {
        /// What is wrong, as far as it can be told.
        fault: Fault,
        /// What SQLite says.
        message: String,
    },
    /// Something else failed.
    #[error("the store failed: {0}")]
    Failed(String),
    /// More waits to be written than the queue holds.
    #[error("more waits to be stored than the queue holds")]
    Overloaded,
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let fault = Fault::of(&error);
        let message = match error.sqlite_error() {
            // The words are few for all that can go wrong with a disk; the code says more.
            Some(code) if fault == Fault::Other => format!("{error} (SQLite's code {})", code.extended_code),
            _ => error.to_string(),
        };
        Self::Fault { fault, message }
    }
}
