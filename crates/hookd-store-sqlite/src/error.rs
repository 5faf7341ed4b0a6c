//! What can go wrong with a store in SQLite.

use std::path::{Path, PathBuf};

use hookd_store::StoreError;

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
    /// SQLite reports an error.
    #[error("cannot open `{path}`, {fault}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What is wrong, as far as that is known.
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
    /// The WAL cannot be read, or is damaged and cannot be copied.
    #[error("`{path}`, which has what was stored last, cannot be read or copied")]
    Wal {
        /// The WAL.
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
    /// A thread of the store could not be started.
    #[error("cannot start a thread of the store")]
    Thread(#[source] std::io::Error),
}

impl OpenError {
    /// What SQLite says of the file at `path`.
    pub(crate) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match Fault::new(&source) {
            Fault::Damaged => Self::Damaged { path, source },
            fault => Self::Sqlite { fault: fault.examined(&[&path]), path, source },
        }
    }
}

/// Why something failed, within this crate: the contract's error, before what is SQLite's about it is left out.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// SQLite or the system reports an error.
    #[error("{message}")]
    Sqlite {
        /// What is wrong, as far as that is known.
        fault: Fault,
        /// What SQLite says.
        message: String,
    },
    /// What was read is not what was written.
    #[error("{0}")]
    Damaged(String),
    /// Reading was given up at its limits.
    #[error("{0}")]
    GivenUp(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let fault = Fault::new(&error);
        let message = match error.sqlite_error() {
            // The words are few for all that can go wrong with a disk; the code says more.
            Some(code) if fault == Fault::Other => format!("{error} (SQLite's code {})", code.extended_code),
            _ => error.to_string(),
        };
        Self::Sqlite { fault, message }
    }
}

impl From<rusqlite::types::FromSqlError> for Failure {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sqlite { fault, message } => {
                Self::Unavailable { cause: message, remedy: fault.remedy().to_owned() }
            }
            Failure::Damaged(what) => Self::Failed(what),
            Failure::GivenUp(error) => error,
        }
    }
}
