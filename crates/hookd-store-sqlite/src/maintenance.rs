//! Maintenance of a store from outside: figures, checks, backups, giving space back. All but the last work beside a hookd
//! that runs, and write nothing to its store.
//!
//! Each command sees one state of the store, that of one transaction, whatever is stored meanwhile. As long as a check or a
//! backup takes, the WAL is not written back, and grows by what comes in. A [`Watch`] learns how far a long command has come,
//! and may stop it, after which everything is as it was before.

mod backup;
mod check;
mod index;
mod stats;
mod watch;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

pub use backup::{Backup, backup, backup_watched};
pub use check::{Checked, check, check_watched};
pub use stats::{Stats, stats};
pub use watch::{Progress, Watch};

use hookd_store::StoreError;

use crate::error::Failure;
use crate::{Fault, OpenError, paths, schema, wal};

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
    /// Its watch stopped it.
    #[error("interrupted; nothing was changed")]
    Interrupted,
    /// The backup could not be written, and what is wrong is known.
    #[error("cannot write the backup `{path}`: {fault}: {}, or name a file at another place", fault.remedy())]
    Target {
        /// The file of the backup.
        path: PathBuf,
        /// What is wrong.
        fault: Fault,
    },
    /// The backup could not be written.
    #[error("cannot write the backup `{path}`")]
    Write {
        /// The file of the backup.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no room for what a vacuum writes.
    #[error(
        "cannot rewrite `{path}`: the disk is full: free some space; it may take {bytes} bytes beside the store, and as many in \
         the folder for temporary files (`SQLITE_TMPDIR` names another); the store is unchanged"
    )]
    NoRoom {
        /// The store.
        path: PathBuf,
        /// How much it takes now.
        bytes: u64,
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
    vacuum_watched(path, &Watch::default())
}

/// As [`vacuum`], watched.
///
/// # Errors
/// As [`vacuum`]; also when the watch stops it.
pub fn vacuum_watched(path: &Path, watch: &Watch) -> Result<Vacuumed, MaintenanceError> {
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
    let sql = "PRAGMA synchronous = FULL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);";
    // What SQLite has written of its copy cannot be seen.
    let progress = || Progress { step: "rewriting the store", done: 0, total: None };
    let interrupt = connection.get_interrupt_handle();
    let vacuumed = watch.run(&interrupt, move || connection.execute_batch(sql), progress);
    vacuumed.map_err(|error| match Fault::new(&error).examined(&[path]) {
        _ if watch.is_stopped() => MaintenanceError::Interrupted,
        Fault::Full => MaintenanceError::NoRoom { path: path.to_owned(), bytes: before },
        Fault::Other => failed(error),
        Fault::Damaged => OpenError::sqlite(path, error).into(),
        fault => OpenError::Faulty { path: path.to_owned(), fault }.into(),
    })?;
    Ok(Vacuumed { before, after: paths::size(path) })
}

/// How a store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Beside a hookd that may be at work. SQLite needs to write an index of the WAL beside the database, even to read.
    Shared,
    /// As a file that nobody changes, so that nothing has to be written. All of the store must be in it.
    Alone,
}

/// A connection that reads a store.
pub(crate) struct Opened {
    connection: Connection,
    /// Keeps hookd from opening what is read as a file that nobody changes. Closed after the connection.
    _closed: Option<File>,
}

impl Deref for Opened {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Opened {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Opens a store of this version to be read. Where nothing can be written (a full disk, a file system that is read-only),
/// and all of the store is in the database, it is read without.
pub(crate) fn open(path: &Path) -> Result<Opened, OpenError> {
    let opened = connect(path, Reading::Shared).and_then(|opened| {
        schema::is_current(&opened, path)?;
        Ok(opened)
    });
    match opened {
        Err(OpenError::Faulty { fault: Fault::Full | Fault::ReadOnly | Fault::TooLarge, .. }) if !has_wal(path) => {
            let opened = connect(path, Reading::Alone)?;
            schema::is_current(&opened, path)?;
            Ok(opened)
        }
        opened => opened,
    }
}

/// Opens a database to be read.
pub(crate) fn connect(path: &Path, reading: Reading) -> Result<Opened, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let sqlite = |source| OpenError::sqlite(path, source);
    if reading == Reading::Shared {
        let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
        return Ok(Opened { connection, _closed: None });
    }
    let closed = paths::keep_closed(path).ok_or_else(|| OpenError::InUse { path: path.to_owned() })?;
    flags |= OpenFlags::SQLITE_OPEN_URI;
    let mut url = OsString::from("file:");
    url.push(OsStr::from_bytes(&escaped(path)));
    url.push("?immutable=1");
    let connection = Connection::open_with_flags(Path::new(&url), flags).map_err(sqlite)?;
    Ok(Opened { connection, _closed: Some(closed) })
}

/// A path within a URL of SQLite, with what has a meaning there escaped.
fn escaped(path: &Path) -> Vec<u8> {
    let escape = |byte: &u8| match byte {
        b'%' => b"%25".to_vec(),
        b'?' => b"%3f".to_vec(),
        b'#' => b"%23".to_vec(),
        other => vec![*other],
    };
    path.as_os_str().as_bytes().iter().flat_map(escape).collect()
}

/// Whether a part of the store is in its WAL.
pub(crate) fn has_wal(path: &Path) -> bool {
    paths::wal(path).metadata().is_ok_and(|wal| wal.len() > 0)
}
