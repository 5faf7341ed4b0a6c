//! Settlements about which nobody has to do anything, one row for those of one move.
//!
//! A run covers less than [`MAX_SPAN`](super::MAX_SPAN) numbers of changes, so that the runs that may have a change are few.
//! Those of a reader overlap where it takes changes out of their order.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use hookd_store::{Settlement, SettlementKind};
use rusqlite::{Connection, Row};

use super::MAX_SPAN;
use crate::error::Failure;
use crate::format::{read_settlements, write_settlements};

/// A row, before its settlements are decoded.
struct Run {
    cursor: String,
    last_changeid: i64,
    first_changeid: i64,
    data: Vec<u8>,
}

impl Run {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { cursor: row.get(0)?, last_changeid: row.get(1)?, first_changeid: row.get(2)?, data: row.get(3)? })
    }

    fn decode(&self) -> Result<Vec<Settlement>, Failure> {
        read_settlements(self.first_changeid, &self.data)
    }

    /// Leaves only those settlements in the run of which this says so.
    fn retain(&self, connection: &Connection, is_kept: impl Fn(i64) -> bool) -> Result<(), Failure> {
        let mut settlements = self.decode()?;
        let before = settlements.len();
        settlements.retain(|settlement| is_kept(settlement.changeid));
        if settlements.len() == before {
            return Ok(());
        }
        connection
            .prepare_cached("DELETE FROM settlement_runs WHERE cursor = ? AND last_changeid = ?")?
            .execute((&self.cursor, self.last_changeid))?;
        insert(connection, &self.cursor, &settlements)
    }
}

/// Adds a run of settlements, which ascend by change, and of which the reader has no other.
pub(super) fn insert(connection: &Connection, cursor: &str, settlements: &[Settlement]) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (settlements.first(), settlements.last()) else { return Ok(()) };
    let filtered = settlements.iter().filter(|settlement| settlement.kind == SettlementKind::Filtered).count();
    connection.prepare_cached("INSERT INTO settlement_runs VALUES (?, ?, ?, ?, ?, ?)")?.execute((
        cursor,
        last.changeid,
        first.changeid,
        settlements.len() - filtered,
        filtered,
        write_settlements(settlements),
    ))?;
    Ok(())
}

/// Removes those of a range of changes of which this says so. The range is no wider than a run.
pub(super) fn remove(
    connection: &Connection,
    cursor: &str,
    changeids: RangeInclusive<i64>,
    is_settled: impl Fn(i64) -> bool,
) -> Result<(), Failure> {
    // Mostly there are none: what a reader settles comes after all that it has settled.
    let (first, last) = changeids.into_inner();
    let found = connection
        .prepare_cached(
            "SELECT cursor, last_changeid, first_changeid, data FROM settlement_runs \
             WHERE cursor = ?1 AND last_changeid BETWEEN ?2 AND ?4 AND first_changeid <= ?3",
        )?
        .query_map((cursor, first, last, last.saturating_add(MAX_SPAN)), Run::from_row)?
        .collect::<Result<Vec<_>, _>>()?;
    found.iter().try_for_each(|run| run.retain(connection, |changeid| !is_settled(changeid)))
}

pub(super) fn expire(connection: &Connection, first_changeid: i64) -> Result<(), Failure> {
    connection
        .prepare_cached("DELETE FROM settlement_runs WHERE cursor IN (SELECT name FROM cursors) AND last_changeid < ?")?
        .execute([first_changeid])?;
    let cut = connection
        .prepare_cached(
            "SELECT cursor, last_changeid, first_changeid, data FROM settlement_runs \
             WHERE cursor IN (SELECT name FROM cursors) AND last_changeid BETWEEN ?1 AND ?2 AND first_changeid < ?1",
        )?
        .query_map((first_changeid, first_changeid.saturating_add(MAX_SPAN)), Run::from_row)?
        .collect::<Result<Vec<_>, _>>()?;
    cut.iter().try_for_each(|run| run.retain(connection, |changeid| changeid >= first_changeid))
}

pub(super) fn of_change(connection: &Connection, changeid: i64) -> Result<Vec<(String, Settlement)>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT cursor, last_changeid, first_changeid, data FROM settlement_runs \
         WHERE cursor IN (SELECT name FROM cursors) AND last_changeid BETWEEN ?1 AND ?2 AND first_changeid <= ?1",
    )?;
    let mut rows = select.query((changeid, changeid.saturating_add(MAX_SPAN)))?;
    let mut settlements = Vec::new();
    while let Some(row) = rows.next()? {
        let run = Run::from_row(row)?;
        let found = run.decode()?.into_iter().find(|settlement| settlement.changeid == changeid);
        settlements.extend(found.map(|settlement| (run.cursor, settlement)));
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
    let mut select = connection.prepare_cached(if kind == SettlementKind::Filtered {
        "SELECT cursor, last_changeid, first_changeid, data FROM settlement_runs \
         WHERE cursor = ? AND last_changeid > ? AND filtered_count > 0 ORDER BY last_changeid"
    } else {
        "SELECT cursor, last_changeid, first_changeid, data FROM settlement_runs \
         WHERE cursor = ? AND last_changeid > ? AND delivered_count > 0 ORDER BY last_changeid"
    })?;
    let mut rows = select.query((cursor, after))?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let run = Run::from_row(row)?;
        // A later run may begin before this one, but not by more than a span.
        let is_enough = |(changeid, _): (&i64, _)| *changeid <= run.last_changeid - MAX_SPAN;
        if most == 0 || found.iter().nth(most - 1).is_some_and(is_enough) {
            break;
        }
        let settlements = run.decode()?.into_iter();
        let wanted = settlements.filter(|settlement| settlement.kind == kind && settlement.changeid > after);
        found.extend(wanted.map(|settlement| (settlement.changeid, settlement)));
    }
    Ok(found.into_values().take(most).collect())
}

pub(super) fn count(connection: &Connection, cursor: &str, kind: SettlementKind) -> rusqlite::Result<u64> {
    let sum = if kind == SettlementKind::Filtered {
        "SELECT ifnull(sum(filtered_count), 0) FROM settlement_runs WHERE cursor = ?"
    } else {
        "SELECT ifnull(sum(delivered_count), 0) FROM settlement_runs WHERE cursor = ?"
    };
    connection.prepare_cached(sum)?.query_row([cursor], |row| row.get(0))
}

/// What is wrong with the runs, a sentence each; at most so many.
pub(crate) fn problems(connection: &Connection, most: usize) -> Result<Vec<String>, Failure> {
    let mut select = connection.prepare(
        "SELECT cursor, last_changeid, first_changeid, data, delivered_count, filtered_count FROM settlement_runs \
         ORDER BY cursor, last_changeid",
    )?;
    let mut waiting = connection
        .prepare("SELECT 1 FROM waiting_settlements WHERE cursor = ? AND changeid BETWEEN ? AND ? AND changeid = ?")?;
    let mut rows = select.query([])?;
    let mut problems = Vec::new();
    while let Some(row) = rows.next()?.filter(|_| problems.len() < most) {
        let run = Run::from_row(row)?;
        let Run { cursor, first_changeid, last_changeid, .. } = &run;
        let mut wrong = |what: &str| {
            problems
                .push(format!("cursor {cursor}, settlements of changes {first_changeid} to {last_changeid}: {what}"));
        };
        let settlements = match run.decode() {
            Ok(settlements) => settlements,
            Err(Failure::Damaged(why)) => {
                wrong(&why);
                continue;
            }
            Err(other) => return Err(other),
        };
        let filtered = settlements.iter().filter(|settlement| settlement.kind == SettlementKind::Filtered).count();
        if (row.get::<_, usize>(4)?, row.get::<_, usize>(5)?) != (settlements.len() - filtered, filtered) {
            wrong("they are not as many as it says");
        }
        if settlements.last().map(|last| last.changeid) != Some(*last_changeid)
            || *last_changeid - *first_changeid >= MAX_SPAN
        {
            wrong("they do not end where it says");
        }
        for settlement in &settlements {
            if waiting.exists((cursor, first_changeid, last_changeid, settlement.changeid))? {
                wrong(&format!("change {} waits as well", settlement.changeid));
            }
        }
    }
    Ok(problems)
}
