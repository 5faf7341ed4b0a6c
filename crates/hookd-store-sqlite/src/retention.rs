//! Letting go of what is no longer kept, in steps that hold up nobody.
//!
//! Blocks go as a whole, by the youngest in them, and in their order, also when the clock was set back or forward in
//! between; the last one stays, since the next numbers follow from it. What is pending keeps its block, however old it is.

use rusqlite::{Connection, OptionalExtension, Row};

use super::log::{self, Part};
use super::runs;
use crate::keys::Kind;
use crate::{Expiry, StoreError};

/// How many blocks one step looks at: some milliseconds of work.
const STEP: i64 = 50;

/// The fact that says which block is the last whose requests had their time.
const EXPIRED_TO: &str = "requests_expired_to";

/// Whether a delivery of the block is pending.
const IS_PENDING: &str = "EXISTS (SELECT 1 FROM pending WHERE deliveryid >= first_deliveryid AND deliveryid < first_deliveryid + delivery_count)";

/// What one step let go of.
#[derive(Default)]
pub(super) struct Gone {
    /// How many blocks lost their requests, or all.
    pub(super) rows: u64,
    /// Runs of keys that are no longer there.
    pub(super) runs: Vec<i64>,
}

/// Takes one step. No rows mean that there is nothing left to do for now.
pub(super) fn step(connection: &Connection, expiry: &Expiry) -> Result<Gone, StoreError> {
    let mut gone = Gone::default();
    if let Some(before) = expiry.payloads_before {
        gone.rows += requests(connection, &Age { before, now: expiry.now })?;
    }
    if let Some(before) = expiry.changes_before {
        gone.rows += blocks(connection, &Age { before, now: expiry.now })?;
    }
    let kept = log::ends(connection)?.map(|(first, _)| (first.first(Part::Deliveries), first.first(Part::Changes)));
    if let (true, Some((delivery, change))) = (gone.rows > 0, kept) {
        // Only deliveries whose requests are kept can be the same as a new one, but all are found by their forge id.
        for (kind, first) in [(Kind::ForgeId, delivery), (Kind::Revision, change), (Kind::Line, change)] {
            gone.runs.extend(runs::expire(connection, kind, first)?);
        }
    }
    Ok(gone)
}

/// How old is too old.
struct Age {
    before: i64,
    now: i64,
}

/// A block that may go.
struct Candidate {
    blockid: i64,
    received_at: i64,
    is_pending: bool,
}

impl Candidate {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { blockid: row.get(0)?, received_at: row.get(1)?, is_pending: row.get(2)? })
    }
}

impl Age {
    /// Leaves those of the blocks, which are in order, that are too old. One that is dated in the future came when the
    /// clock was wrong, and is as old as the next that is not.
    fn cut(&self, connection: &Connection, blocks: &mut Vec<Candidate>) -> rusqlite::Result<()> {
        let is_misdated = |block: &Candidate| block.received_at > self.now;
        let young = blocks.iter().position(|block| !is_misdated(block) && block.received_at >= self.before);
        blocks.truncate(young.unwrap_or(blocks.len()));
        let Some(last) = blocks.last().filter(|block| is_misdated(block)) else { return Ok(()) };
        let next: Option<i64> = connection
            .prepare_cached(
                "SELECT received_at FROM blocks WHERE blockid > ? AND received_at <= ? ORDER BY blockid LIMIT 1",
            )?
            .query_row((last.blockid, self.now), |row| row.get(0))
            .optional()?;
        if next.is_none_or(|received_at| received_at >= self.before) {
            blocks.truncate(blocks.iter().rposition(|block| !is_misdated(block)).map_or(0, |last| last + 1));
        }
        Ok(())
    }
}

/// Takes the requests from blocks.
fn requests(connection: &Connection, age: &Age) -> Result<u64, StoreError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?")?
        .query_row([EXPIRED_TO], |row| row.get(0))
        .optional()?;
    let mut expired = connection
        .prepare_cached(&format!(
            "SELECT blockid, received_at, {IS_PENDING} FROM blocks WHERE blockid > ? ORDER BY blockid LIMIT ?"
        ))?
        .query_map((last.unwrap_or(0), STEP), Candidate::of)?
        .collect::<Result<Vec<_>, _>>()?;
    age.cut(connection, &mut expired)?;
    let mut drop_requests = connection.prepare_cached("UPDATE blocks SET requests = NULL WHERE blockid = ?")?;
    let mut gone = 0;
    for Candidate { blockid, is_pending, .. } in &expired {
        if *is_pending {
            connection.prepare_cached("INSERT OR IGNORE INTO held_blocks VALUES (?)")?.execute([blockid])?;
        } else {
            gone += drop_requests.execute([blockid])?;
        }
    }
    if let Some(Candidate { blockid: to, .. }) = expired.last() {
        let fact = connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)");
        fact?.execute((EXPIRED_TO, to.to_string()))?;
    }
    // A cross join, which SQLite does in this order: held blocks are few, and blocks are many.
    let free = connection
        .prepare_cached(&format!(
            "SELECT blockid FROM held_blocks CROSS JOIN blocks USING (blockid) WHERE NOT {IS_PENDING} LIMIT ?"
        ))?
        .query_map([STEP], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for blockid in free {
        gone += drop_requests.execute([blockid])?;
        connection.prepare_cached("DELETE FROM held_blocks WHERE blockid = ?")?.execute([blockid])?;
    }
    // What was looked at counts as well: there may be more behind it.
    Ok(gone.max(expired.len()) as u64)
}

/// Deletes the first blocks, up to one that is too young or waits for something.
fn blocks(connection: &Connection, age: &Age) -> Result<u64, StoreError> {
    let mut expired = connection
        .prepare_cached(&format!(
            "SELECT blockid, received_at, {IS_PENDING} FROM blocks \
             WHERE blockid < (SELECT max(blockid) FROM blocks) ORDER BY blockid LIMIT ?"
        ))?
        .query_map([STEP], Candidate::of)?
        .collect::<Result<Vec<_>, _>>()?;
    expired.truncate(expired.iter().position(|block| block.is_pending).unwrap_or(expired.len()));
    age.cut(connection, &mut expired)?;
    let Some(Candidate { blockid: last, .. }) = expired.last() else { return Ok(0) };
    connection.prepare_cached("DELETE FROM held_blocks WHERE blockid <= ?")?.execute([last])?;
    connection.prepare_cached("DELETE FROM key_tail WHERE blockid <= ?")?.execute([last])?;
    let gone = connection.prepare_cached("DELETE FROM blocks WHERE blockid <= ?")?.execute([last])?;
    connection
        .prepare_cached("DELETE FROM outcomes WHERE deliveryid < (SELECT min(first_deliveryid) FROM blocks)")?
        .execute([])?;
    Ok(gone as u64)
}
