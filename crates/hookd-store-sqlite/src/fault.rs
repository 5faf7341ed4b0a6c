//! What is wrong when a store fails, as far as that is known, and what an operator can do about it.
//!
//! SQLite calls much of what the system says `disk I/O error` or `unable to open database file`. The system itself says
//! more, and is asked: by writing something small beside the file.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::paths;

/// How many bytes are written to find out whether that is possible: more than SQLite needs to open a store.
const TRIAL_BYTES: usize = 256 << 10;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// There is no space left on the disk, or in the user's quota.
    Full,
    /// The file would become larger than this process may make one.
    TooLarge,
    /// The file, its folder or the file system may not be written to.
    ReadOnly,
    /// The folder of the file does not exist.
    NoFolder,
    /// What lies there is a folder.
    Folder,
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

    /// What the system says of a file that was to be opened or written, in these terms.
    pub(crate) fn of_system(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::FileTooLarge => Self::TooLarge,
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Self::ReadOnly,
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NoFolder,
            ErrorKind::IsADirectory => Self::Folder,
            _ => Self::Other,
        }
    }

    /// The same, after a look at what the system says of the files at these paths.
    pub(crate) fn examined(self, paths: &[&Path]) -> Self {
        if self != Self::Other {
            return self;
        }
        paths.iter().find_map(|path| try_writing(path).err()).map_or(self, |error| Self::of_system(&error))
    }

    /// What an operator can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Full => "free some space",
            Self::TooLarge => "raise the limit on the size of files (`ulimit -f`, `LimitFSIZE=` of systemd)",
            Self::ReadOnly => {
                "see who owns the file and its folder, their permissions, and how the file system is mounted"
            }
            Self::NoFolder => "create it, for the user of hookd alone, or name another file",
            Self::Folder => "name a file",
            Self::Locked => "stop the program that has locked the database",
            Self::Damaged => "stop hookd, keep a copy of the file, see what `hookd store check` says, restore a backup",
            Self::Gone => "put the file back, with its `-wal`, or start hookd again",
            Self::Other => "see the cause",
        }
    }

    /// The same for a store that is open, with what hookd does meanwhile.
    pub(crate) fn remedy_while_open(self) -> String {
        let meanwhile = match self {
            Self::Damaged | Self::Gone | Self::Folder => "",
            Self::Other => "; hookd retries with each webhook",
            Self::Full | Self::TooLarge | Self::ReadOnly | Self::NoFolder | Self::Locked => {
                "; hookd continues by itself"
            }
        };
        format!("{}{meanwhile}", self.remedy())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the disk is full",
            Self::TooLarge => "it may not become larger",
            Self::ReadOnly => "it may not be written to",
            Self::NoFolder => "its folder does not exist",
            Self::Folder => "it is a folder",
            Self::Locked => "another process has locked it",
            Self::Damaged => "the file is damaged",
            Self::Gone => "the file was moved, removed or replaced",
            Self::Other => "SQLite reports an error",
        })
    }
}

/// Tries whether a file could be written: opens it, if it is there, compares it with the limit on the size of files, and
/// writes a trial file beside it, which is removed again. Changes nothing.
///
/// # Errors
/// What the system says.
pub(crate) fn try_writing(path: &Path) -> io::Result<()> {
    match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Fsize).current
        && [path, &paths::wal(path)].iter().any(|path| length(path).saturating_add(TRIAL_BYTES as u64) > most)
    {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let trial = paths::beside(path, &format!(".{}.trial", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&trial)?;
    let written = file.write_all(&vec![0xa5; TRIAL_BYTES]).and_then(|()| File::sync_data(&file));
    drop(file);
    let removed = std::fs::remove_file(&trial);
    written.and(removed)
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_asked_where_sqlite_says_too_little() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.db");
        assert_eq!(Fault::Other.examined(&[&path]), Fault::Other);
        assert_eq!(Fault::Other.examined(&[&folder.path().join("none/hookd.db")]), Fault::NoFolder);
        assert_eq!(Fault::Locked.examined(&[&folder.path().join("none/hookd.db")]), Fault::Locked);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn no_remedy_promises_what_only_an_open_store_does() {
        for fault in [Fault::Full, Fault::TooLarge, Fault::ReadOnly, Fault::NoFolder, Fault::Locked] {
            assert!(!fault.remedy().contains("continues"), "{fault}");
            assert!(fault.remedy_while_open().ends_with("hookd continues by itself"), "{fault}");
        }
    }
}
