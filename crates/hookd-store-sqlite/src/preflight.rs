//! What would keep a store from being opened, found out beforehand: for `hookd check`.
//!
//! Invariant: nothing is made or changed at the store's place, so that whoever looks (root, say) leaves no files behind that
//! the user of hookd cannot open.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

use rusqlite::Connection;

use crate::index::{RecentKeys, recent};
use crate::maintenance::{Reading, connect, has_wal};
use crate::packer::Numbers;
use crate::{Fault, OpenError, fault, paths, schema};

/// What a look at a store from outside has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preflight {
    /// It can be opened, or made where there is none.
    Free,
    /// A hookd has it open. Nothing else was looked at.
    InUse,
}

/// Looks whether [`SqliteStore::open`](crate::SqliteStore::open) would succeed now, for this user.
///
/// # Errors
/// Why not, as that reports it.
pub fn preflight(path: &Path) -> Result<Preflight, OpenError> {
    let folder = paths::folder(path);
    if !folder.is_dir() {
        return Err(OpenError::Faulty { path: path.to_owned(), fault: Fault::NoFolder });
    }
    if paths::is_in_use(path) {
        return Ok(Preflight::InUse);
    }
    for ending in ["", "-wal", "-shm", ".lock"] {
        let file = paths::beside(path, ending);
        match OpenOptions::new().read(true).write(true).open(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(OpenError::system(&file, error)),
            _ => {}
        }
    }
    fault::try_writing(path).map_err(|error| OpenError::system(path, error))?;
    match path.metadata() {
        Ok(file) if file.len() > 0 => read_as_at_a_start(path).map(|()| Preflight::Free),
        _ => Ok(Preflight::Free),
    }
}

/// Reads what is read at a start.
fn read_as_at_a_start(path: &Path) -> Result<(), OpenError> {
    let reading = if has_wal(path) { Reading::Shared } else { Reading::Alone };
    let opened = connect(path, reading)?;
    match schema::is_current(&opened, path) {
        Ok(()) => {}
        // A migration comes first, which is not tried here.
        Err(OpenError::Older { .. }) => return Ok(()),
        Err(OpenError::Foreign { .. }) if is_empty(&opened) => return Ok(()),
        Err(error) => return Err(error),
    }
    let sqlite = |source| OpenError::sqlite(path, source);
    schema::instance(&opened).map_err(sqlite)?;
    schema::identity_key(&opened).map_err(sqlite)?;
    Numbers::read(&opened).map_err(sqlite)?;
    recent::read(&opened, &RecentKeys::default())
        .map_err(|failure| OpenError::Broken { path: path.to_owned(), source: failure.into() })
}

/// Whether a database has nothing in it, such as one that was just made.
fn is_empty(connection: &Connection) -> bool {
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    tables.is_ok_and(|tables| tables == 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::SqliteStore;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    #[test]
    fn what_opens_is_free_and_what_is_open_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.db");
        assert_eq!(preflight(&path).unwrap(), Preflight::Free);
        assert_eq!(files(folder.path()), [""; 0].map(PathBuf::from), "nothing was made");
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(preflight(&path).unwrap(), Preflight::InUse);
        drop(store);
        let before = files(folder.path());
        assert_eq!(preflight(&path).unwrap(), Preflight::Free);
        assert_eq!(files(folder.path()), before);
        fs::write(folder.path().join("empty.db"), "").unwrap();
        assert_eq!(preflight(&folder.path().join("empty.db")).unwrap(), Preflight::Free);
    }

    #[test]
    fn what_does_not_open_is_refused_with_the_same_words() {
        let folder = tempfile::tempdir().unwrap();
        let in_folder = |name: &str| folder.path().join(name);
        let foreign = rusqlite::Connection::open(in_folder("foreign.db")).unwrap();
        foreign.execute_batch("CREATE TABLE t (x)").unwrap();
        drop(SqliteStore::open(&in_folder("newer.db")).unwrap());
        let newer = rusqlite::Connection::open(in_folder("newer.db")).unwrap();
        newer.execute_batch("PRAGMA user_version = 99").unwrap();
        drop((foreign, newer));
        fs::write(in_folder("text.db"), "this is no database, but a long text ".repeat(200)).unwrap();
        fs::create_dir(in_folder("folder.db")).unwrap();
        for (name, message) in [
            ("foreign.db", "is an SQLite database, but not one of hookd"),
            ("newer.db", "was written by a newer hookd"),
            ("text.db", "is damaged, or no database"),
            ("none/hookd.db", "its folder does not exist"),
            ("text.db/hookd.db", "its folder does not exist"),
            ("folder.db", "it is a folder: name a file"),
        ] {
            let refused = preflight(&in_folder(name)).unwrap_err().to_string();
            assert!(refused.contains(message) && refused.contains(name), "{refused}");
            let opened =
                SqliteStore::open(&in_folder(name)).err().unwrap_or_else(|| panic!("{name} opens")).to_string();
            assert!(opened.contains(message), "{opened}");
        }
    }
}
