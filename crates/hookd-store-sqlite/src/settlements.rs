//! The table of settlements: how changes ended at the readers of the log. They are written with the move of a cursor.

use hookd_store::{Settlement, SettlementKind, Timestamp};
use rusqlite::{Connection, Row};

use crate::error::Failure;

/// The first of the kinds that wait for somebody, which the table's index has.
const FIRST_WAITING: i64 = 2;

fn kind_code(kind: SettlementKind) -> i64 {
    match kind {
        SettlementKind::Delivered => 0,
        SettlementKind::Filtered => 1,
        SettlementKind::Dead => FIRST_WAITING,
        SettlementKind::Requeued => 3,
    }
}

fn kind_from_code(code: i64) -> Result<SettlementKind, Failure> {
    let kind = SettlementKind::ALL.into_iter().find(|kind| kind_code(*kind) == code);
    kind.ok_or_else(|| Failure::Damaged(format!("a settlement has the unknown kind {code}")))
}

/// Writes the settlements of a reader; later ones replace earlier ones about the same change.
pub(crate) fn write(connection: &Connection, cursor: &str, settlements: &[Settlement]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO settlements VALUES (?, ?, ?, ?, ?, ?)")?;
    for Settlement { changeid, settled_at, kind, attempts, answer } in settlements {
        insert.execute((cursor, changeid, settled_at.as_micros(), kind_code(*kind), attempts, answer))?;
    }
    Ok(())
}

/// Deletes all settlements of a reader.
pub(crate) fn remove(connection: &Connection, cursor: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM settlements WHERE cursor = ?")?.execute([cursor])?;
    Ok(())
}

/// Deletes those of changes before this one, which have expired.
pub(crate) fn expire(connection: &Connection, first_changeid: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM settlements WHERE cursor IN (SELECT name FROM cursors) AND changeid < ?")?
        .execute([first_changeid])?;
    Ok(())
}

/// How a change ended at each reader that has settled it, by the name of its cursor.
pub(crate) fn of_change(connection: &Connection, changeid: i64) -> Result<Vec<(String, Settlement)>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT changeid, settled_at, kind, attempts, answer, cursor FROM settlements \
         WHERE cursor IN (SELECT name FROM cursors) AND changeid = ? ORDER BY cursor",
    )?;
    let mut rows = select.query([changeid])?;
    let mut settlements = Vec::new();
    while let Some(row) = rows.next()? {
        settlements.push((row.get(5)?, from_row(row)?));
    }
    Ok(settlements)
}

/// The settlements of one kind at a reader, of changes above `after`, ascending; at most `most`.
pub(crate) fn of_kind(
    connection: &Connection,
    cursor: &str,
    kind: SettlementKind,
    after: i64,
    most: usize,
) -> Result<Vec<Settlement>, Failure> {
    // SQLite uses the index only where the statement itself says that it is enough.
    let mut select = connection.prepare_cached(if kind_code(kind) >= FIRST_WAITING {
        "SELECT changeid, settled_at, kind, attempts, answer FROM settlements \
         WHERE cursor = ? AND kind = ? AND kind >= 2 AND changeid > ? ORDER BY changeid LIMIT ?"
    } else {
        "SELECT changeid, settled_at, kind, attempts, answer FROM settlements \
         WHERE cursor = ? AND kind = ? AND changeid > ? ORDER BY changeid LIMIT ?"
    })?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = select.query((cursor, kind_code(kind), after, most))?;
    let mut settlements = Vec::new();
    while let Some(row) = rows.next()? {
        settlements.push(from_row(row)?);
    }
    Ok(settlements)
}

/// How many changes ended so at a reader.
pub(crate) fn count(connection: &Connection, cursor: &str, kind: SettlementKind) -> Result<u64, Failure> {
    let mut select = connection.prepare_cached(if kind_code(kind) >= FIRST_WAITING {
        "SELECT count(*) FROM settlements WHERE cursor = ? AND kind = ? AND kind >= 2"
    } else {
        "SELECT count(*) FROM settlements WHERE cursor = ? AND kind = ?"
    })?;
    Ok(select.query_row((cursor, kind_code(kind)), |row| row.get(0))?)
}

fn from_row(row: &Row<'_>) -> Result<Settlement, Failure> {
    Ok(Settlement {
        changeid: row.get(0)?,
        settled_at: Timestamp::from_micros(row.get(1)?),
        kind: kind_from_code(row.get(2)?)?,
        attempts: row.get(3)?,
        answer: row.get(4)?,
    })
}
