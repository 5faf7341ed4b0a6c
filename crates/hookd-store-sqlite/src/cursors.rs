//! The table of cursors. They move within the writer's transactions, together with whatever else waits.

use hookd_store::{Cursor, CursorMove, KeptChanges, Moved, StoreError};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::error::Failure;
use crate::format::{read_done, write_done};
use crate::settlements;

/// The fact that is the last version that a cursor got. One for all of them: a cursor that is removed and made again
/// never gets a version again that somebody may still expect.
const LAST_VERSION: &str = "cursor_version";

/// A row of the table, before its numbers are decoded.
struct StoredCursor {
    name: String,
    version: i64,
    position: i64,
    done: Vec<u8>,
    state: Vec<u8>,
}

impl StoredCursor {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(0)?,
            version: row.get(1)?,
            position: row.get(2)?,
            done: row.get(3)?,
            state: row.get(4)?,
        })
    }

    fn decode(self) -> Result<Cursor, Failure> {
        let Self { name, version, position, done, state } = self;
        Ok(Cursor { name, version: version.cast_unsigned(), position, done: read_done(position, &done)?, state })
    }
}

/// All cursors, by name.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Cursor>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT name, version, position, done, state FROM cursors ORDER BY name")?;
    let rows = select.query_map([], StoredCursor::from_row)?;
    rows.map(|row| row?.decode()).collect()
}

/// The least number that some cursor has not done; `None` where there is no cursor.
pub(crate) fn first_not_done(connection: &Connection) -> Result<Option<i64>, Failure> {
    let mut select = connection.prepare_cached("SELECT name, version, position, done, x'' FROM cursors")?;
    let rows = select.query_map([], StoredCursor::from_row)?;
    let mut least = None;
    for row in rows {
        let number = row?.decode()?.first_not_done();
        least = Some(least.map_or(number, |least: i64| least.min(number)));
    }
    Ok(least)
}

/// Moves cursors, all or, where a move is invalid, none of them.
pub(crate) fn move_all(
    connection: &Connection,
    moves: &[CursorMove],
    kept: KeptChanges,
) -> Result<Result<Vec<Moved>, StoreError>, Failure> {
    let mut version = last_version(connection)?;
    // What the moves before have made of the cursors that they named.
    let mut changed: Vec<(&CursorMove, Option<Cursor>)> = Vec::new();
    let mut outcomes = Vec::with_capacity(moves.len());
    for one in moves {
        let current = match changed.iter().rfind(|(earlier, _)| earlier.name == one.name) {
            Some((_, cursor)) => cursor.clone(),
            None => get(connection, &one.name)?,
        };
        match one.decide(current.as_ref(), kept, version + 1) {
            Ok(moved) => {
                if !matches!(moved, Moved::Conflict(_)) {
                    version += 1;
                    changed.push((one, one.cursor(version)));
                }
                outcomes.push(moved);
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    for (one, cursor) in &changed {
        match cursor {
            Some(cursor) => {
                put(connection, cursor)?;
                settlements::write(connection, &one.name, &one.settlements)?;
            }
            None => {
                connection.prepare_cached("DELETE FROM cursors WHERE name = ?")?.execute([&one.name])?;
                settlements::forget(connection, &one.name)?;
            }
        }
    }
    if !changed.is_empty() {
        set_last_version(connection, version)?;
    }
    Ok(Ok(outcomes))
}

/// The last version that a cursor got.
pub(crate) fn last_version(connection: &Connection) -> rusqlite::Result<u64> {
    let version = connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?")?
        .query_row([LAST_VERSION], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(version.unwrap_or(0).cast_unsigned())
}

pub(crate) fn set_last_version(connection: &Connection, version: u64) -> rusqlite::Result<()> {
    let fact = connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)");
    fact?.execute((LAST_VERSION, version.to_string()))?;
    Ok(())
}

fn get(connection: &Connection, name: &str) -> Result<Option<Cursor>, Failure> {
    let mut select =
        connection.prepare_cached("SELECT name, version, position, done, state FROM cursors WHERE name = ?")?;
    select.query_row([name], StoredCursor::from_row).optional()?.map(StoredCursor::decode).transpose()
}

/// Stores a cursor as it is.
pub(crate) fn put(connection: &Connection, cursor: &Cursor) -> rusqlite::Result<()> {
    let Cursor { name, version, position, done, state } = cursor;
    connection.prepare_cached("INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)")?.execute((
        name,
        version.cast_signed(),
        position,
        write_done(*position, done),
        state,
    ))?;
    Ok(())
}
