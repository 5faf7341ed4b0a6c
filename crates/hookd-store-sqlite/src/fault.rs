//! What is wrong when a store fails, as far as that is known, and what an operator can do about it.

use std::fmt;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::ErrorCode;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// There is no space left on the disk.
    Full,
    /// The file, its folder or the file system may not be written to.
    ReadOnly,
    /// Another process holds the lock on the database.
    Locked,
    /// The file is not what hookd wrote.
    Damaged,
    /// The file was moved, removed or replaced while it was open.
    Gone,
    /// Something else; the message says what.
    Other,
}

impl Fault {
    /// What SQLite says, in these terms.
    pub(crate) fn new(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            _ => Self::Other,
        }
    }

    /// The same, after a look at the files: SQLite calls much of what the system says `disk I/O error`.
    pub(crate) fn examined(self, paths: &[&Path]) -> Self {
        let is_refused = |path: &&Path| {
            let opened = OpenOptions::new().append(true).open(path);
            opened
                .is_err_and(|error| matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied))
        };
        if self == Self::Other && paths.iter().any(is_refused) { Self::ReadOnly } else { self }
    }

    /// What an operator can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Full => "free some space; hookd continues by itself",
            Self::ReadOnly => "make the file, its folder and its file system writable; hookd continues by itself",
            Self::Locked => "end what holds a lock on the database; hookd continues by itself",
            Self::Damaged => "stop hookd, keep a copy of the file, see what `hookd store check` says, restore a backup",
            Self::Gone => "put the file back, with its `-wal`, or start hookd again",
            Self::Other => "see the cause; hookd retries with each webhook",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk is full",
            Self::ReadOnly => "it may not be written to",
            Self::Locked => "another process has locked it",
            Self::Damaged => "the file is damaged",
            Self::Gone => "the file was moved, removed or replaced",
            Self::Other => "SQLite reports an error",
        })
    }
}
