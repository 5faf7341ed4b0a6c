//! Backups.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{MaintenanceError, Progress, Watch, open};
use crate::paths::beside;
use crate::{Fault, paths};

/// A backup that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its size in bytes.
    pub bytes: u64,
}

/// Copies the store into a new file, which is a store by itself: one state of it, while hookd goes on.
///
/// It is SQLite's `VACUUM INTO`, and not its backup API. That one copies page by page: it begins anew whenever hookd
/// commits, or has to copy everything at one go, and it copies what is damaged as well. `VACUUM INTO` reads one
/// transaction's state, row by row, so that damage is an error and no backup; and it leaves free space out. It takes
/// more of the processor, and the WAL grows for as long as it takes, with both.
///
/// The file is there when all of it is on disk, under its name and with the permissions of the store, or not at all.
///
/// # Errors
/// When `to` exists or cannot be written, or the store cannot be read.
pub fn backup(path: &Path, to: &Path) -> Result<Backup, MaintenanceError> {
    backup_watched(path, to, &Watch::default())
}

/// As [`backup`], watched.
///
/// # Errors
/// As [`backup`]; also when the watch stops it.
pub fn backup_watched(path: &Path, to: &Path, watch: &Watch) -> Result<Backup, MaintenanceError> {
    let exists = || MaintenanceError::Exists { path: to.to_owned() };
    if fs::symlink_metadata(to).is_ok() {
        return Err(exists());
    }
    let connection = open(path)?;
    let part = PartialFile(beside(to, &format!(".{}.part", std::process::id())));
    let failed = |source| failed(to, source);
    // SQLite takes an empty file; made here, nobody else can read it in between.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part.0).map_err(failed)?;
    let name =
        part.0.to_str().ok_or_else(|| failed(io::Error::new(ErrorKind::InvalidInput, "its name is not UTF-8")))?;
    let total = used_bytes(&connection).map_err(MaintenanceError::store(path))?;
    let progress = || Progress {
        step: "copying the store",
        done: fs::metadata(&part.0).map_or(0, |part| part.len()),
        total: Some(total),
    };
    let interrupt = connection.get_interrupt_handle();
    let copied = watch.run(&interrupt, move || connection.execute("VACUUM INTO ?", [name]), progress);
    if watch.is_stopped() {
        return Err(MaintenanceError::Interrupted);
    }
    copied.map_err(|error| blamed(path, to, &part.0, error))?;
    let bytes = on_disk(path, &part.0).map_err(failed)?;
    // Unlike a rename, a link replaces nothing.
    match fs::hard_link(&part.0, to) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists()),
        // A file system without links.
        Err(_) => fs::rename(&part.0, to).map_err(failed)?,
    }
    File::open(paths::folder(to)).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(Backup { bytes })
}

/// What the system says of the backup.
fn failed(to: &Path, source: io::Error) -> MaintenanceError {
    let path = to.to_owned();
    match Fault::of_system(&source) {
        Fault::Other => MaintenanceError::Write { path, source },
        fault => MaintenanceError::Target { path, fault },
    }
}

/// What SQLite says of a copy, as an error of the store or of the backup: it names neither. Only the backup is written.
fn blamed(path: &Path, to: &Path, part: &Path, error: rusqlite::Error) -> MaintenanceError {
    let fault = match Fault::new(&error) {
        // It says so of what it reads as well, and may mean the backup.
        Fault::Other => Fault::Other.examined(&[part]),
        fault => fault,
    };
    match fault {
        Fault::Full | Fault::TooLarge | Fault::ReadOnly | Fault::NoFolder | Fault::Folder => {
            MaintenanceError::Target { path: to.to_owned(), fault }
        }
        Fault::Locked | Fault::Damaged | Fault::Gone | Fault::Other => MaintenanceError::store(path)(error),
    }
}

/// How many bytes of a store are in use, which is about what a copy takes.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
    Ok(number("page_count")?.saturating_sub(number("freelist_count")?) * number("page_size")?)
}

/// Gives a copy the permissions of the store, and waits until it is on disk. SQLite does not: `VACUUM INTO` leaves that
/// to its caller.
fn on_disk(path: &Path, part: &Path) -> io::Result<u64> {
    let file = File::open(part)?;
    file.set_permissions(fs::metadata(path)?.permissions())?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// A file that is removed when this is dropped.
struct PartialFile(PathBuf);

impl Drop for PartialFile {
    fn drop(&mut self) {
        // It was renamed, or never made.
        let _ = fs::remove_file(&self.0);
    }
}
