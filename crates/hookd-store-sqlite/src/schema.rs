//! The schema and its versions. A migration that was released is never edited; a change is a new one.

use std::cmp::Ordering;
use std::path::Path;

use hookd_store::IdentityKey;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::OpenError;

/// The migrations in order; the first makes version 1 of an empty file.
const MIGRATIONS: [(&str, &str); 1] = [("initial", include_str!("migrations/0001_initial.sql"))];

/// The fact that marks an unfinished copy of another store.
const MARK: &str = "copy";

/// `hook` in ASCII: marks a file as ours.
const APPLICATION_ID: i64 = 0x686f_6f6b;

/// Sets the connection up and brings the schema up to date.
pub(crate) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let sqlite = |source| OpenError::sqlite(path, source);
    connection.busy_timeout(std::time::Duration::from_secs(2)).map_err(sqlite)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let (found, application_id, tables) = versions(connection).map_err(sqlite)?;
    if application_id != APPLICATION_ID && (tables > 0 || application_id != 0) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    // Or else every other value that is bound has the statement prepared anew, which costs more than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sqlite)?;
    // Half a megabyte of cache: the writer appends to the last pages, and hardly reads.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; \
             PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; \
             PRAGMA cache_size = -512;",
        )
        .map_err(sqlite)?;
    for (number, (name, script)) in (1_i64..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        migrate(connection, number, script).map_err(sqlite)?;
        tracing::debug!(number, name, "migrated the store");
    }
    Ok(())
}

/// Whether a database is a store of this build's version, without changing it.
pub(crate) fn is_current(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    connection.busy_timeout(std::time::Duration::from_secs(2)).map_err(|source| OpenError::sqlite(path, source))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let (found, application_id, _) = versions(connection).map_err(|source| OpenError::sqlite(path, source))?;
    let path = path.to_owned();
    if application_id != APPLICATION_ID {
        return Err(OpenError::Foreign { path });
    }
    match found.cmp(&known) {
        Ordering::Equal => refuse_unfinished(connection, &path),
        Ordering::Greater => Err(OpenError::Newer { path, found, known }),
        Ordering::Less => Err(OpenError::Older { path, found, known }),
    }
}

/// Refuses what is an unfinished copy of another store.
pub(crate) fn refuse_unfinished(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    match mark(connection).map_err(|source| OpenError::sqlite(path, source))? {
        Some(_) => Err(OpenError::Unfinished { path: path.to_owned() }),
        None => Ok(()),
    }
}

/// The mark of an unfinished copy, if it is one.
pub(crate) fn mark(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT value FROM facts WHERE name = ?", [MARK], |row| row.get(0)).optional()
}

/// Sets the mark of an unfinished copy, or removes it.
pub(crate) fn set_mark(connection: &Connection, mark: Option<&str>) -> rusqlite::Result<()> {
    match mark {
        Some(mark) => connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", [MARK, mark])?,
        None => connection.execute("DELETE FROM facts WHERE name = ?", [MARK])?,
    };
    Ok(())
}

/// Gives an empty store the name and the secret of another one.
pub(crate) fn set_identity(connection: &Connection, instance: &str, key: &IdentityKey) -> rusqlite::Result<()> {
    connection.execute("UPDATE facts SET value = ? WHERE name = 'instance'", [instance])?;
    connection.execute(
        "UPDATE facts SET value = lower(hex(?)) WHERE name = 'identity_secret'",
        [key.as_bytes().as_slice()],
    )?;
    Ok(())
}

/// The id of this store, made once with its file.
pub(crate) fn instance(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("SELECT value FROM facts WHERE name = 'instance'", [], |row| row.get(0))
}

/// The secret of this store that identities of deliveries are made with, made once with its file.
pub(crate) fn identity_key(connection: &Connection) -> rusqlite::Result<IdentityKey> {
    let bytes: [u8; IdentityKey::BYTES] =
        connection.query_row("SELECT unhex(value) FROM facts WHERE name = 'identity_secret'", [], |row| row.get(0))?;
    Ok(IdentityKey::new(bytes))
}

fn versions(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    Ok((
        connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        connection.query_row("PRAGMA application_id", [], |row| row.get(0))?,
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    ))
}

fn migrate(connection: &mut Connection, number: i64, script: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(script)?;
    if number == 1 {
        transaction.execute("INSERT INTO facts VALUES ('instance', lower(hex(randomblob(4))))", [])?;
        transaction
            .execute("INSERT INTO facts VALUES ('identity_secret', lower(hex(randomblob(?))))", [IdentityKey::BYTES])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}
