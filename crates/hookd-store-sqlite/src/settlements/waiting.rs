//! Settlements that wait for somebody, a row each: dead letters, and what is to be sent once more.

use std::ops::RangeInclusive;

use hookd_store::{Settlement, SettlementKind, Timestamp};
use rusqlite::{Connection, Row};

use crate::error::Failure;

/// The kinds, each at the place of its code.
const KINDS: [SettlementKind; 2] = [SettlementKind::Dead, SettlementKind::Requeued];

fn code(kind: SettlementKind) -> Option<usize> {
    KINDS.iter().position(|known| *known == kind)
}

pub(super) fn insert(connection: &Connection, cursor: &str, settlements: &[&Settlement]) -> Result<(), Failure> {
    if settlements.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached("INSERT INTO waiting_settlements VALUES (?, ?, ?, ?, ?, ?)")?;
    for Settlement { changeid, settled_at, kind, attempts, answer } in settlements {
        insert.execute((cursor, changeid, settled_at.as_micros(), code(*kind), attempts, answer))?;
    }
    Ok(())
}

/// Removes those of a range of changes of which this says so.
pub(super) fn remove(
    connection: &Connection,
    cursor: &str,
    changeids: RangeInclusive<i64>,
    is_settled: impl Fn(i64) -> bool,
) -> rusqlite::Result<()> {
    let found = connection
        .prepare_cached("SELECT changeid FROM waiting_settlements WHERE cursor = ? AND changeid BETWEEN ? AND ?")?
        .query_map((cursor, changeids.start(), changeids.end()), |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for changeid in found.into_iter().filter(|changeid| is_settled(*changeid)) {
        connection
            .prepare_cached("DELETE FROM waiting_settlements WHERE cursor = ? AND changeid = ?")?
            .execute((cursor, changeid))?;
    }
    Ok(())
}

pub(super) fn expire(connection: &Connection, first_changeid: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM waiting_settlements WHERE cursor IN (SELECT name FROM cursors) AND changeid < ?")?
        .execute([first_changeid])?;
    Ok(())
}

pub(super) fn of_change(connection: &Connection, changeid: i64) -> Result<Vec<(String, Settlement)>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT changeid, settled_at, kind, attempts, answer, cursor FROM waiting_settlements \
         WHERE cursor IN (SELECT name FROM cursors) AND changeid = ?",
    )?;
    let mut rows = select.query([changeid])?;
    let mut settlements = Vec::new();
    while let Some(row) = rows.next()? {
        settlements.push((row.get(5)?, from_row(row)?));
    }
    Ok(settlements)
}

pub(super) fn of_kind(
    connection: &Connection,
    cursor: &str,
    kind: SettlementKind,
    after: i64,
    most: usize,
) -> Result<Vec<Settlement>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT changeid, settled_at, kind, attempts, answer FROM waiting_settlements \
         WHERE cursor = ? AND kind = ? AND changeid > ? ORDER BY changeid LIMIT ?",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = select.query((cursor, code(kind), after, most))?;
    let mut settlements = Vec::new();
    while let Some(row) = rows.next()? {
        settlements.push(from_row(row)?);
    }
    Ok(settlements)
}

pub(super) fn count(connection: &Connection, cursor: &str, kind: SettlementKind) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT count(*) FROM waiting_settlements WHERE cursor = ? AND kind = ?")?
        .query_row((cursor, code(kind)), |row| row.get(0))
}

fn from_row(row: &Row<'_>) -> Result<Settlement, Failure> {
    let code: i64 = row.get(2)?;
    let kind = usize::try_from(code).ok().and_then(|code| KINDS.get(code));
    Ok(Settlement {
        changeid: row.get(0)?,
        settled_at: Timestamp::from_micros(row.get(1)?),
        kind: *kind.ok_or_else(|| Failure::Damaged(format!("a settlement has the unknown kind {code}")))?,
        attempts: row.get(3)?,
        answer: row.get(4)?,
    })
}
