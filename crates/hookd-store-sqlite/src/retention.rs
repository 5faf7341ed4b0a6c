//! Deletes expired requests and blocks, in steps that hold up no write for long.
//!
//! Blocks are deleted as a whole, by the youngest in them, and in their order, also when the clock was set back or forward
//! in between; the last one stays, since the next numbers follow from it. A pending delivery keeps its block, however old
//! it is. So does a change that a cursor still has to pass, and the delivery that produced it.

use hookd_store::{Expired, Expiry};
use rusqlite::{Connection, OptionalExtension, Row};

use crate::blocks::{self, Part};
use crate::cursors;
use crate::error::Failure;
use crate::index::{KeyKind, runs};
use crate::settlements;
use crate::texts::stored;

/// How many blocks one step looks at: some milliseconds of work.
const STEP_BLOCKS: i64 = 50;

/// The fact that says up to which block requests have expired.
const EXPIRED_TO: &str = "requests_expired_to";

/// Whether a delivery of the block is pending.
macro_rules! is_pending {
    () => {
        "EXISTS (SELECT 1 FROM pending \
         WHERE deliveryid >= first_deliveryid AND deliveryid < first_deliveryid + delivery_count)"
    };
}

/// What one step deleted.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) expired: Expired,
    /// Runs of forge ids that are no longer there.
    pub(crate) runs: Vec<i64>,
}

/// Takes one step.
pub(crate) fn step(connection: &Connection, expiry: &Expiry) -> Result<Step, Failure> {
    let mut step = Step::default();
    let age = |before: hookd_store::Timestamp| Age { before: before.as_micros(), now: expiry.now.as_micros() };
    if let Some(before) = expiry.payloads_before {
        delete_requests(connection, &age(before), &mut step.expired)?;
    }
    if let Some(before) = expiry.changes_before {
        delete_blocks(connection, &age(before), &mut step.expired)?;
    }
    if step.expired.has_more
        && let Some(first) = blocks::first(connection)?
    {
        for kind in KeyKind::ALL {
            step.runs.extend(runs::expire(connection, kind, first.first(kind.part()))?);
        }
        settlements::expire(connection, first.first(Part::Changes))?;
        stored::expire(connection, first.blockid)?;
    }
    Ok(step)
}

/// How old is too old, in microseconds since 1970.
struct Age {
    before: i64,
    now: i64,
}

/// A block that may be deleted.
struct Candidate {
    blockid: i64,
    received_at: i64,
    is_pending: bool,
    delivery_count: i64,
    change_count: i64,
    request_count: i64,
    /// Whether it has a change that a cursor still has to pass, or the delivery of one.
    is_awaited: bool,
}

impl Candidate {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            blockid: row.get(0)?,
            received_at: row.get(1)?,
            is_pending: row.get(2)?,
            delivery_count: row.get(3)?,
            change_count: row.get(4)?,
            request_count: row.get(5)?,
            is_awaited: row.get(6)?,
        })
    }
}

impl Age {
    /// How many of the blocks, which are in order, are too old. One that is dated in the future was received while the
    /// clock was wrong, and is as old as the next that is not.
    fn count(&self, connection: &Connection, blocks: &[Candidate]) -> rusqlite::Result<usize> {
        let is_misdated = |block: &Candidate| block.received_at > self.now;
        let young = blocks.iter().position(|block| !is_misdated(block) && block.received_at >= self.before);
        let old = &blocks[..young.unwrap_or(blocks.len())];
        let Some(last) = old.last().filter(|block| is_misdated(block)) else { return Ok(old.len()) };
        let next: Option<i64> = connection
            .prepare_cached(
                "SELECT received_at FROM blocks WHERE blockid > ? AND received_at <= ? ORDER BY blockid LIMIT 1",
            )?
            .query_row((last.blockid, self.now), |row| row.get(0))
            .optional()?;
        if next.is_some_and(|received_at| received_at < self.before) {
            return Ok(old.len());
        }
        Ok(old.iter().rposition(|block| !is_misdated(block)).map_or(0, |last| last + 1))
    }
}

/// The block up to which requests have expired.
fn expired_to(connection: &Connection) -> rusqlite::Result<i64> {
    let last = connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?")?
        .query_row([EXPIRED_TO], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// Requests have expired up to this block.
pub(crate) fn set_expired_to(connection: &Connection, blockid: i64) -> rusqlite::Result<()> {
    let fact = connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)");
    fact?.execute((EXPIRED_TO, blockid.to_string()))?;
    Ok(())
}

/// A block keeps its requests although they have expired.
pub(crate) fn hold(connection: &Connection, blockid: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR IGNORE INTO held_blocks VALUES (?)")?.execute([blockid])?;
    Ok(())
}

/// The last delivery whose request has expired, but for those that were held; zero if none has, or nothing is left of them.
pub(crate) fn requests_expired_to(connection: &Connection) -> rusqlite::Result<i64> {
    let block = blocks::header(connection, expired_to(connection)?)?;
    Ok(block.map_or(0, |block| block.next(Part::Deliveries) - 1))
}

/// Deletes the requests of blocks.
fn delete_requests(connection: &Connection, age: &Age, expired: &mut Expired) -> Result<(), Failure> {
    let last = expired_to(connection)?;
    let mut old = connection
        .prepare_cached(concat!(
            "SELECT blockid, received_at, ",
            is_pending!(),
            ", delivery_count, change_count, request_count, 0 FROM blocks WHERE blockid > ? ORDER BY blockid LIMIT ?"
        ))?
        .query_map((last, STEP_BLOCKS), Candidate::from_row)?
        .collect::<Result<Vec<_>, _>>()?;
    old.truncate(age.count(connection, &old)?);
    let mut delete =
        connection.prepare_cached("UPDATE blocks SET requests = NULL, request_count = 0 WHERE blockid = ?")?;
    for Candidate { blockid, is_pending, request_count, .. } in &old {
        if *is_pending {
            hold(connection, *blockid)?;
        } else {
            delete.execute([blockid])?;
            expired.requests += request_count.unsigned_abs();
        }
    }
    if let Some(Candidate { blockid: to, .. }) = old.last() {
        set_expired_to(connection, *to)?;
    }
    // A cross join, which SQLite does in this order: held blocks are few, and blocks are many.
    let free = connection
        .prepare_cached(concat!(
            "SELECT blockid, request_count FROM held_blocks CROSS JOIN blocks USING (blockid) WHERE NOT ",
            is_pending!(),
            " LIMIT ?"
        ))?
        .query_map([STEP_BLOCKS], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, i64)>, _>>()?;
    for (blockid, request_count) in &free {
        delete.execute([blockid])?;
        expired.requests += request_count.unsigned_abs();
        connection.prepare_cached("DELETE FROM held_blocks WHERE blockid = ?")?.execute([blockid])?;
    }
    // There may be more behind what was looked at.
    expired.has_more |= !old.is_empty() || !free.is_empty();
    Ok(())
}

/// Deletes the first blocks, up to one that is too young, or that something needs.
fn delete_blocks(connection: &Connection, age: &Age, expired: &mut Expired) -> Result<(), Failure> {
    let awaited = cursors::first_not_done(connection)?.unwrap_or(i64::MAX);
    let mut old = connection
        .prepare_cached(concat!(
            "SELECT blockid, received_at, ",
            is_pending!(),
            ", delivery_count, change_count, request_count, \
             (change_count > 0 AND first_changeid + change_count > ?1) OR EXISTS (SELECT 1 FROM outcomes \
             WHERE deliveryid >= first_deliveryid AND deliveryid < first_deliveryid + delivery_count \
             AND outcomes.first_changeid + outcomes.change_count > ?1) \
             FROM blocks WHERE blockid < (SELECT max(blockid) FROM blocks) ORDER BY blockid LIMIT ?2"
        ))?
        .query_map((awaited, STEP_BLOCKS), Candidate::from_row)?
        .collect::<Result<Vec<_>, _>>()?;
    old.truncate(old.iter().position(|block| block.is_pending).unwrap_or(old.len()));
    old.truncate(age.count(connection, &old)?);
    old.truncate(old.iter().position(|block| block.is_awaited).unwrap_or(old.len()));
    let Some(Candidate { blockid: last, .. }) = old.last() else { return Ok(()) };
    connection.prepare_cached("DELETE FROM held_blocks WHERE blockid <= ?")?.execute([last])?;
    connection.prepare_cached("DELETE FROM recent_keys WHERE blockid <= ?")?.execute([last])?;
    connection.prepare_cached("DELETE FROM blocks WHERE blockid <= ?")?.execute([last])?;
    connection
        .prepare_cached("DELETE FROM outcomes WHERE deliveryid < (SELECT min(first_deliveryid) FROM blocks)")?
        .execute([])?;
    connection
        .prepare_cached("DELETE FROM unindexed_outcomes WHERE deliveryid < (SELECT min(first_deliveryid) FROM blocks)")?
        .execute([])?;
    let sum = |count: fn(&Candidate) -> i64| old.iter().map(|block| count(block).unsigned_abs()).sum::<u64>();
    expired.deliveries += sum(|block| block.delivery_count);
    expired.changes += sum(|block| block.change_count);
    expired.has_more = true;
    Ok(())
}
