//! The tables of pollers and of their positions, which move within the writer's transactions.

use std::collections::BTreeMap;

use hookd_store::{PositionMove, Positions, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::error::Failure;

/// The version of a poller's positions; zero if it has none.
pub(crate) fn version(connection: &Connection, poller: &str) -> Result<u64, Failure> {
    let version: Option<i64> = connection
        .prepare_cached("SELECT version FROM pollers WHERE name = ?")?
        .query_row([poller], |row| row.get(0))
        .optional()?;
    Ok(version.unwrap_or(0).cast_unsigned())
}

/// The names of all pollers that have positions, in order.
pub(crate) fn pollers(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("SELECT name FROM pollers ORDER BY name")?.query_map([], |row| row.get(0))?.collect()
}

/// Stores the positions of a poller that has none yet.
pub(crate) fn insert(connection: &Connection, poller: &str, positions: &Positions) -> rusqlite::Result<()> {
    let Positions { version, polled_at, changed_at, at } = positions;
    let changed_at = changed_at.map(Timestamp::as_micros);
    connection.prepare_cached("INSERT INTO pollers VALUES (?, ?, ?, ?)")?.execute((
        poller,
        version.cast_signed(),
        polled_at.as_micros(),
        changed_at,
    ))?;
    let mut insert = connection.prepare_cached("INSERT INTO positions VALUES (?, ?, ?)")?;
    at.iter().try_for_each(|(key, position)| insert.execute((poller, key, position)).map(|_| ()))
}

/// The positions of a poller. Two statements: the connection is within a transaction, or its caller does not mind.
pub(crate) fn get(connection: &Connection, poller: &str) -> Result<Option<Positions>, Failure> {
    let head: Option<(i64, i64, Option<i64>)> = connection
        .prepare_cached("SELECT version, polled_at, changed_at FROM pollers WHERE name = ?")?
        .query_row([poller], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((version, polled_at, changed_at)) = head else { return Ok(None) };
    let mut select = connection.prepare_cached("SELECT key, position FROM positions WHERE poller = ?")?;
    let rows = select.query_map([poller], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let at = rows.collect::<rusqlite::Result<BTreeMap<String, String>>>()?;
    Ok(Some(Positions {
        version: version.cast_unsigned(),
        polled_at: Timestamp::from_micros(polled_at),
        changed_at: changed_at.map(Timestamp::from_micros),
        at,
    }))
}

/// Moves the positions of a poller to this version, or forgets it. Whether they have the expected one was decided before.
pub(crate) fn put(
    connection: &Connection,
    moved: &PositionMove,
    version: u64,
    has_changes: bool,
) -> rusqlite::Result<()> {
    let PositionMove { poller, expected: _, polled_at, set, forgets } = moved;
    if *forgets {
        connection.prepare_cached("DELETE FROM positions WHERE poller = ?")?.execute([poller])?;
        connection.prepare_cached("DELETE FROM pollers WHERE name = ?")?.execute([poller])?;
        return Ok(());
    }
    let polled_at = polled_at.as_micros();
    connection
        .prepare_cached(
            "INSERT INTO pollers VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE \
             SET version = ?2, polled_at = ?3, changed_at = coalesce(?4, changed_at)",
        )?
        .execute((poller, version.cast_signed(), polled_at, has_changes.then_some(polled_at)))?;
    for (key, position) in set {
        match position {
            Some(position) => connection
                .prepare_cached("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)")?
                .execute((poller, key, position))?,
            None => connection
                .prepare_cached("DELETE FROM positions WHERE poller = ? AND key = ?")?
                .execute((poller, key))?,
        };
    }
    Ok(())
}
