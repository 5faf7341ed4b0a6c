//! What can go wrong with a store.

use std::path::PathBuf;

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
    /// The file is a database of something else.
    #[error("`{path}` is an SQLite database, but not one of hookd")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("cannot open `{path}`")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// What is in the file cannot be read.
    #[error("cannot read `{path}`")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: StoreError,
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

/// Why something could not be stored or read. Nothing of a failed write is in the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The transaction failed: disk full, file read-only or locked, and the like. Another try may succeed.
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
        Self::Failed(error.to_string())
    }
}
