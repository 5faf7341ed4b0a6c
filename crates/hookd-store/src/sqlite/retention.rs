//! Letting go of what is no longer kept, in steps that hold up nobody.
//!
//! Blocks go as a whole, by the youngest in them, and in their order; the last one stays, since the next numbers follow
//! from it. What is pending keeps its block, however old it is.

use rusqlite::{Connection, OptionalExtension};

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
        gone.rows += requests(connection, before)?;
    }
    if let Some(before) = expiry.changes_before {
        gone.rows += blocks(connection, before)?;
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

/// Takes the requests from blocks.
fn requests(connection: &Connection, before: i64) -> Result<u64, StoreError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?")?
        .query_row([EXPIRED_TO], |row| row.get(0))
        .optional()?;
    let expired = connection
        .prepare_cached(&format!(
            "SELECT blockid, {IS_PENDING} FROM blocks WHERE blockid > ? AND received_at < ? ORDER BY blockid LIMIT ?"
        ))?
        .query_map((last.unwrap_or(0), before, STEP), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, bool)>, _>>()?;
    let mut drop_requests = connection.prepare_cached("UPDATE blocks SET requests = NULL WHERE blockid = ?")?;
    let mut gone = 0;
    for (blockid, is_pending) in &expired {
        if *is_pending {
            connection.prepare_cached("INSERT OR IGNORE INTO held_blocks VALUES (?)")?.execute([blockid])?;
        } else {
            gone += drop_requests.execute([blockid])?;
        }
    }
    if let Some((to, _)) = expired.last() {
        let fact = connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)");
        fact?.execute((EXPIRED_TO, to.to_string()))?;
    }
    let free = connection
        .prepare_cached(&format!(
            "SELECT blockid FROM held_blocks JOIN blocks USING (blockid) WHERE NOT {IS_PENDING} LIMIT ?"
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
fn blocks(connection: &Connection, before: i64) -> Result<u64, StoreError> {
    let first = connection
        .prepare_cached(&format!(
            "SELECT blockid, received_at < ? AND NOT {IS_PENDING} FROM blocks \
             WHERE blockid < (SELECT max(blockid) FROM blocks) ORDER BY blockid LIMIT ?"
        ))?
        .query_map((before, STEP), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, bool)>, _>>()?;
    let expired = first.iter().take_while(|(_, has_expired)| *has_expired).map(|(blockid, _)| *blockid);
    let Some(last) = expired.last() else { return Ok(0) };
    connection.prepare_cached("DELETE FROM held_blocks WHERE blockid <= ?")?.execute([last])?;
    let gone = connection.prepare_cached("DELETE FROM blocks WHERE blockid <= ?")?.execute([last])?;
    connection
        .prepare_cached("DELETE FROM outcomes WHERE deliveryid < (SELECT min(first_deliveryid) FROM blocks)")?
        .execute([])?;
    Ok(gone as u64)
}
