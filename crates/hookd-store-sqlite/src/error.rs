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
    /// There is no such file.
    #[error("there is no store `{path}`: `hookd serve` makes it when it starts")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// What is wrong is known.
    #[error("cannot open `{path}`: {fault}: {}", fault.remedy())]
    Faulty {
        /// The file that could not be opened: the database, or one that belongs to it.
        path: PathBuf,
        /// What is wrong.
        fault: Fault,
    },
    /// SQLite reports an error of which no more is known.
    #[error("cannot open `{path}`")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The system reports an error of which no more is known.
    #[error("cannot open `{path}`")]
    System {
        /// The file: the database, or one that belongs to it.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
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
    /// It is an unfinished copy of another store.
    #[error(
        "`{path}` is an unfinished copy of another store: run the `hookd store copy` again that was interrupted, or delete \
         the file"
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
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
            fault => match fault.examined(&[&path]) {
                Fault::Other => Self::Sqlite { path, source },
                fault => Self::Faulty { path, fault },
            },
        }
    }

    /// What the system says of the file at `path`.
    pub(crate) fn system(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        match Fault::of_system(&source) {
            Fault::Other => Self::System { path, source },
            fault => Self::Faulty { path, fault },
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
                Self::Unavailable { cause: message, remedy: fault.remedy_while_open() }
            }
            Failure::Damaged(what) => Self::Failed(what),
            Failure::GivenUp(error) => error,
        }
    }
}
