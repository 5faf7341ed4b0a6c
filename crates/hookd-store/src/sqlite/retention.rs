//! Letting go of what is no longer kept, in steps that hold up nobody.
//!
//! What came first goes first, so that numbers have no gaps, also when the clock was set back or forward in between. The
//! newest delivery and change always stay, since the next numbers follow from theirs. What is pending keeps its request,
//! however old it is.

use rusqlite::{Connection, OptionalExtension};

use super::tables::{head_key_of, key_of};
use crate::{Expiry, StoreError};

/// How many rows one step looks at: some milliseconds of work.
const STEP: i64 = 500;

/// The fact that says which delivery is the last whose request is gone.
const EXPIRED_TO: &str = "payloads_expired_to";

/// Takes one step; gives how many rows went. Zero means that there is nothing left to do for now.
pub(super) fn step(connection: &Connection, expiry: &Expiry) -> Result<u64, StoreError> {
    let mut gone = 0;
    if let Some(before) = expiry.payloads_before {
        gone += payloads(connection, &Age { before, now: expiry.now })?;
    }
    if let Some(before) = expiry.changes_before {
        let age = Age { before, now: expiry.now };
        gone += changes(connection, &age)?;
        gone += deliveries(connection, &age)?;
    }
    Ok(gone)
}

/// How old is too old.
struct Age {
    before: i64,
    now: i64,
}

/// A table whose rows go in their order.
struct Log {
    table: &'static str,
    id: &'static str,
}

const DELIVERIES: Log = Log { table: "deliveries", id: "deliveryid" };
const CHANGES: Log = Log { table: "changes", id: "changeid" };

/// A row with what has to be known of it to let go of it.
struct Aged<T> {
    id: i64,
    received_at: i64,
    row: T,
}

impl Age {
    /// Leaves those of the rows, which are in order, that are too old. One that is dated in the future is as old as the
    /// next that is not.
    fn cut<T>(&self, connection: &Connection, log: &Log, rows: &mut Vec<Aged<T>>) -> rusqlite::Result<()> {
        let is_misdated = |row: &Aged<T>| row.received_at > self.now;
        let young = rows.iter().position(|row| !is_misdated(row) && row.received_at >= self.before);
        rows.truncate(young.unwrap_or(rows.len()));
        let Some(last) = rows.last().filter(|row| is_misdated(row)) else { return Ok(()) };
        let Log { table, id } = log;
        let next: Option<i64> = connection
            .prepare_cached(&format!(
                "SELECT received_at FROM {table} WHERE {id} > ? AND received_at <= ? ORDER BY {id} LIMIT 1"
            ))?
            .query_row((last.id, self.now), |row| row.get(0))
            .optional()?;
        if next.is_none_or(|received_at| received_at >= self.before) {
            let known = rows.iter().rposition(|row| !is_misdated(row)).map_or(0, |last| last + 1);
            rows.truncate(known);
        }
        Ok(())
    }
}

fn payloads(connection: &Connection, age: &Age) -> Result<u64, StoreError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?")?
        .query_row([EXPIRED_TO], |row| row.get(0))
        .optional()?;
    let mut expired = connection
        .prepare_cached(
            "SELECT deliveryid, received_at, forge_id, blockid FROM deliveries \
             WHERE deliveryid > ? ORDER BY deliveryid LIMIT ?",
        )?
        .query_map((last.unwrap_or(0), STEP), |row| {
            Ok(Aged { id: row.get(0)?, received_at: row.get(1)?, row: (row.get(2)?, row.get(3)?) })
        })?
        .collect::<Result<Vec<Aged<(Option<String>, Option<i64>)>>, _>>()?;
    age.cut(connection, &DELIVERIES, &mut expired)?;
    let Some(Aged { id: to, .. }) = expired.last() else { return Ok(0) };
    for Aged { id: deliveryid, row: (forge_id, _), .. } in &expired {
        if let Some(forge_id) = forge_id {
            connection
                .prepare_cached("DELETE FROM forge_ids WHERE key = ? AND deliveryid = ?")?
                .execute((key_of(forge_id.as_bytes()), deliveryid))?;
        }
        connection
            .prepare_cached("UPDATE deliveries SET blockid = NULL WHERE deliveryid = ? AND state <> 0")?
            .execute([deliveryid])?;
    }
    // A block goes when all of it has expired: when the next delivery that stays has a later one.
    let first_kept: Option<i64> = connection
        .prepare_cached("SELECT blockid FROM deliveries WHERE deliveryid > ? ORDER BY deliveryid LIMIT 1")?
        .query_row([to], |row| row.get(0))
        .optional()?
        .flatten();
    let first_kept = first_kept.or_else(|| expired.iter().filter_map(|aged| aged.row.1).max());
    connection
        .prepare_cached(
            "DELETE FROM payload_blocks WHERE blockid < ? \
             AND blockid NOT IN (SELECT blockid FROM deliveries JOIN pending USING (deliveryid))",
        )?
        .execute([first_kept])?;
    connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)")?.execute((EXPIRED_TO, to.to_string()))?;
    Ok(expired.len() as u64)
}

fn changes(connection: &Connection, age: &Age) -> Result<u64, StoreError> {
    let mut expired = connection
        .prepare_cached(
            "SELECT changeid, revision, branch, repository, project, codebase, received_at FROM changes \
             WHERE changeid < (SELECT max(changeid) FROM changes) ORDER BY changeid LIMIT ?",
        )?
        .query_map([STEP], |row| {
            let revision: Option<String> = row.get(1)?;
            let (branch, repository): (Option<String>, String) = (row.get(2)?, row.get(3)?);
            let (project, codebase): (String, String) = (row.get(4)?, row.get(5)?);
            let head = head_key_of(branch.as_deref(), &repository, &project, &codebase);
            Ok(Aged { id: row.get(0)?, received_at: row.get(6)?, row: (revision, head) })
        })?
        .collect::<Result<Vec<Aged<(Option<String>, i64)>>, _>>()?;
    age.cut(connection, &CHANGES, &mut expired)?;
    let gone = expired.len() as u64;
    for Aged { id: changeid, row: (revision, head), .. } in expired {
        connection.prepare_cached("DELETE FROM changes WHERE changeid = ?")?.execute([changeid])?;
        connection.prepare_cached("DELETE FROM heads WHERE key = ? AND changeid = ?")?.execute((head, changeid))?;
        if let Some(revision) = revision {
            connection
                .prepare_cached("DELETE FROM revisions WHERE key = ? AND changeid = ?")?
                .execute((key_of(revision.as_bytes()), changeid))?;
        }
    }
    Ok(gone)
}

/// Those before the first that is pending, so that their numbers have no gaps.
fn deliveries(connection: &Connection, age: &Age) -> Result<u64, StoreError> {
    let mut expired = connection
        .prepare_cached(
            "SELECT deliveryid, received_at, forge_id FROM deliveries \
             WHERE deliveryid < (SELECT max(deliveryid) FROM deliveries) \
             AND deliveryid < ifnull((SELECT min(deliveryid) FROM pending), 9223372036854775807) \
             ORDER BY deliveryid LIMIT ?",
        )?
        .query_map([STEP], |row| Ok(Aged { id: row.get(0)?, received_at: row.get(1)?, row: row.get(2)? }))?
        .collect::<Result<Vec<Aged<Option<String>>>, _>>()?;
    age.cut(connection, &DELIVERIES, &mut expired)?;
    for Aged { id: deliveryid, row: forge_id, .. } in &expired {
        if let Some(forge_id) = forge_id {
            connection
                .prepare_cached("DELETE FROM forge_ids WHERE key = ? AND deliveryid = ?")?
                .execute((key_of(forge_id.as_bytes()), deliveryid))?;
        }
        connection.prepare_cached("DELETE FROM deliveries WHERE deliveryid = ?")?.execute([deliveryid])?;
    }
    Ok(expired.len() as u64)
}
