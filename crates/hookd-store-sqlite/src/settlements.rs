//! How changes ended at the readers of the log. Settlements are written with the move of a cursor.
//!
//! Invariant: how a change ended at a reader is in one place. Those that wait for somebody are [rows](waiting), so that they
//! are found by their kind. All others are many, and hardly ever read: those of one move are [one row](runs) together.

pub(crate) mod runs;
mod waiting;

use std::collections::BTreeMap;

use hookd_store::{Settlement, SettlementKind};
use rusqlite::Connection;

use crate::error::Failure;

/// How many numbers of changes are looked at together, at most: those of one run.
const MAX_SPAN: i64 = 1024;

/// Whether it is one of the few that somebody still has to do something about.
fn is_waiting(kind: SettlementKind) -> bool {
    match kind {
        SettlementKind::Delivered | SettlementKind::Filtered => false,
        SettlementKind::Dead | SettlementKind::Requeued => true,
    }
}

/// Writes the settlements of a reader; later ones replace earlier ones about the same change.
pub(crate) fn write(connection: &Connection, cursor: &str, settlements: &[Settlement]) -> Result<(), Failure> {
    let latest: BTreeMap<i64, &Settlement> =
        settlements.iter().map(|settlement| (settlement.changeid, settlement)).collect();
    let latest: Vec<&Settlement> = latest.into_values().collect();
    let mut rest = latest.as_slice();
    while let Some(first) = rest.first() {
        let end = first.changeid.saturating_add(MAX_SPAN);
        let (near, far) = rest.split_at(rest.partition_point(|settlement| settlement.changeid < end));
        replace(connection, cursor, near)?;
        rest = far;
    }
    Ok(())
}

/// Writes settlements that ascend by change, within the span of a run.
fn replace(connection: &Connection, cursor: &str, settlements: &[&Settlement]) -> Result<(), Failure> {
    let is_settled = |changeid: i64| settlements.binary_search_by_key(&changeid, |other| other.changeid).is_ok();
    let (Some(first), Some(last)) = (settlements.first(), settlements.last()) else { return Ok(()) };
    let range = first.changeid..=last.changeid;
    waiting::remove(connection, cursor, range.clone(), is_settled)?;
    runs::remove(connection, cursor, range, is_settled)?;
    let (waiting, ended): (Vec<&Settlement>, Vec<&Settlement>) =
        settlements.iter().copied().partition(|settlement| is_waiting(settlement.kind));
    waiting::insert(connection, cursor, &waiting)?;
    runs::insert(connection, cursor, &ended.into_iter().cloned().collect::<Vec<_>>())
}

/// Deletes all settlements of a reader.
pub(crate) fn forget(connection: &Connection, cursor: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM waiting_settlements WHERE cursor = ?")?.execute([cursor])?;
    connection.prepare_cached("DELETE FROM settlement_runs WHERE cursor = ?")?.execute([cursor])?;
    Ok(())
}

/// Deletes those of changes before this one, which have expired.
pub(crate) fn expire(connection: &Connection, first_changeid: i64) -> Result<(), Failure> {
    waiting::expire(connection, first_changeid)?;
    runs::expire(connection, first_changeid)
}

/// How a change ended at each reader that has settled it, by the name of its cursor.
pub(crate) fn of_change(connection: &Connection, changeid: i64) -> Result<Vec<(String, Settlement)>, Failure> {
    let mut settlements = waiting::of_change(connection, changeid)?;
    settlements.extend(runs::of_change(connection, changeid)?);
    settlements.sort_by(|(one, _), (other, _)| one.cmp(other));
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
    if is_waiting(kind) {
        waiting::of_kind(connection, cursor, kind, after, most)
    } else {
        runs::of_kind(connection, cursor, kind, after, most)
    }
}

/// How many changes ended so at a reader.
pub(crate) fn count(connection: &Connection, cursor: &str, kind: SettlementKind) -> Result<u64, Failure> {
    Ok(if is_waiting(kind) {
        waiting::count(connection, cursor, kind)?
    } else {
        runs::count(connection, cursor, kind)?
    })
}
